#include "measure.h"

#include <cstdio>
#include <exception>

namespace {

/// One of the rates, round by round.
std::vector<double> list(const std::vector<Rates>& rounds, double Rates::*rate) {
  std::vector<double> numbers;
  for (const Rates& rates : rounds) numbers.push_back(rates.*rate);
  return numbers;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char letter : text) {
    const bool isControl = static_cast<unsigned char>(letter) < ' ';
    if (letter == '"' || letter == '\\') result += '\\';
    result += isControl ? ' ' : letter;
  }
  return result + "\"";
}

void printList(const char* name, const std::vector<double>& numbers) {
  std::printf(", \"%s\": [", name);
  const char* separator = "";
  for (const double number : numbers) {
    std::printf("%s%.6g", separator, number);
    separator = ", ";
  }
  std::printf("]");
}

/// Ends a line; what was measured must not be lost where the process is ended.
void endLine() {
  std::puts("}");
  std::fflush(stdout);
}

void printStart(const std::string& kind, const std::string& layer) {
  std::printf("{\"kind\": %s, \"layer\": %s", quoted(kind).c_str(), quoted(layer).c_str());
}

}  // namespace

void measureLayer(const Setting& setting, Ceilings& ceilings, const std::string& kind,
                  const std::string& layer, const std::function<Kernels()>& make) try {
  const auto [kernels, sets] = make();
  std::vector<TimedCalls> calls;
  for (const Kernel& kernel : kernels) calls.emplace_back(setting.device, sets, kernel.call);
  std::vector<std::vector<double>> seconds(kernels.size());
  std::vector<Rates> rates;
  for (int64_t round = 0; round < setting.rounds; ++round) {
    rates.push_back(ceilings.measure());
    for (size_t i = 0; i < calls.size(); ++i) seconds[i].push_back(calls[i].seconds());
  }
  for (size_t i = 0; i < kernels.size(); ++i) {
    const Kernel& kernel = kernels[i];
    printStart(kind, layer);
    std::printf(", \"pass\": %s, \"perStep\": %lld, \"bytes\": %.0f, \"operations\": %.0f",
                quoted(kernel.pass).c_str(), static_cast<long long>(kernel.perStep), kernel.bytes,
                kernel.operations);
    printList("seconds", seconds[i]);
    printList("copy", list(rates, &Rates::copy));
    const bool isBf16 = setting.type == at::kBFloat16;
    printList("product", list(rates, isBf16 ? &Rates::product : &Rates::product32));
    endLine();
  }
} catch (const std::exception& error) {
  printStart(kind, layer);
  std::printf(", \"failure\": %s", quoted(error.what()).c_str());
  endLine();
}

void measureCeilings(const Setting& setting, Ceilings& ceilings) {
  std::vector<Rates> rates;
  for (int64_t round = 0; round < setting.rounds; ++round) rates.push_back(ceilings.measure());
  std::printf("{\"kind\": \"ceilings\"");
  printList("copy", list(rates, &Rates::copy));
  printList("product", list(rates, &Rates::product));
  printList("product32", list(rates, &Rates::product32));
  endLine();
}
