#include "core/files/safetensors_writer.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <sstream>
#include <utility>

#include "core/files/crc32.h"

namespace moco {
namespace {

constexpr size_t kAlignment = 8;

const char* dtypeName(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return "F64";
    case at::kFloat:
      return "F32";
    case at::kHalf:
      return "F16";
    case at::kBFloat16:
      return "BF16";
    case at::kLong:
      return "I64";
    case at::kInt:
      return "I32";
    case at::kShort:
      return "I16";
    case at::kChar:
      return "I8";
    case at::kByte:
      return "U8";
    case at::kBool:
      return "BOOL";
    case at::kUInt64:
      return "U64";
    case at::kUInt32:
      return "U32";
    case at::kUInt16:
      return "U16";
    case at::kComplexFloat:
      return "C64";
    case at::kFloat8_e4m3fn:
      return "F8_E4M3";
    case at::kFloat8_e4m3fnuz:
      return "F8_E4M3FNUZ";
    case at::kFloat8_e5m2:
      return "F8_E5M2";
    case at::kFloat8_e5m2fnuz:
      return "F8_E5M2FNUZ";
    default:
      TORCH_CHECK(false, "no tensor of type ", type, " can be written as safetensors");
  }
}

std::string hexadecimal(uint32_t value) {
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", value);
  return text.data();
}

/// The text as a JSON string.
std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char character : text) {
    const auto code = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') json += '\\';
    if (code < 0x20) {
      json += "\\u0000";
      std::snprintf(json.data() + json.size() - 4, 5, "%04x", code);
    } else {
      json += character;
    }
  }
  return json + '"';
}

/// The texts of all items, with commas between them.
template <typename Range, typename ToText>
std::string joined(const Range& range, const ToText& toText) {
  std::string text;
  for (const auto& item : range) {
    if (!text.empty()) text += ',';
    text += toText(item);
  }
  return text;
}

std::string braced(const std::string& members) {
  std::string json = "{";
  return json.append(members).append("}");
}

/// Sorts the tensors with the widest types to the front, so that each is aligned to its own type.
StateDict widestFirst(StateDict state) {
  std::stable_sort(state.begin(), state.end(), [](const auto& a, const auto& b) {
    return a.second.element_size() > b.second.element_size();
  });
  return state;
}

std::string checksumsJson(const StateDict& state, const std::vector<uint32_t>& checksums) {
  size_t index = 0;
  return braced(joined(state, [&](const auto& entry) {
    return quoted(entry.first) + ":" + quoted(hexadecimal(checksums[index++]));
  }));
}

std::string tensorsJson(const StateDict& state) {
  size_t end = 0;
  return joined(state, [&](const auto& entry) {
    const auto& [name, tensor] = entry;
    const size_t begin = std::exchange(end, end + tensor.nbytes());
    const auto shape = joined(tensor.sizes(), [](int64_t size) { return std::to_string(size); });
    std::ostringstream json;
    json << quoted(name) << R"(:{"dtype":")" << dtypeName(tensor.scalar_type()) << R"(","shape":[)"
         << shape << R"(],"data_offsets":[)" << begin << ',' << end << "]}";
    return json.str();
  });
}

/// The JSON header, with its length in eight bytes before it. Its size does not depend on the
/// values of the checksums.
std::string headerOf(const StateDict& state, const FileMetadata& metadata,
                     const std::vector<uint32_t>& checksums) {
  FileMetadata entries{{"header_crc32", hexadecimal(0)}};
  entries.insert(entries.end(), metadata.begin(), metadata.end());
  entries.emplace_back("checksums", checksumsJson(state, checksums));
  const auto texts = joined(
      entries, [](const auto& entry) { return quoted(entry.first) + ":" + quoted(entry.second); });
  std::string members = quoted("__metadata__") + ":" + braced(texts);
  if (!state.empty()) members.append(",").append(tensorsJson(state));
  std::string json = braced(members);
  json.append((kAlignment - json.size() % kAlignment) % kAlignment, ' ');
  const std::string checksum = hexadecimal(crc32(json.data(), json.size()));
  json.replace(json.find(hexadecimal(0)), checksum.size(), checksum);
  std::string length;
  for (size_t byte = 0; byte < 8; ++byte) length += static_cast<char>(json.size() >> (8 * byte));
  return length + json;
}

}  // namespace

void writeSafetensors(AtomicFile& file, const StateDict& state, const FileMetadata& metadata) {
  const StateDict ordered = widestFirst(state);
  std::vector<uint32_t> checksums(ordered.size());
  // The checksums are known only after the tensors are written. Until then a header of the same
  // size holds the place.
  const std::string placeholder = headerOf(ordered, metadata, checksums);
  file.write(placeholder.data(), placeholder.size());
  for (size_t i = 0; i < ordered.size(); ++i) {
    const auto tensor = ordered[i].second.to(at::kCPU).contiguous();
    checksums[i] = crc32(tensor.const_data_ptr(), tensor.nbytes());
    file.write(tensor.const_data_ptr(), tensor.nbytes());
  }
  const std::string header = headerOf(ordered, metadata, checksums);
  file.overwriteStart(header.data(), header.size());
}

}  // namespace moco
