#include "core/files/torchscript_writer.h"

#include <doctest/doctest.h>
#include <torch/csrc/jit/serialization/import.h>

#include <map>
#include <string>

#include "support/temporary_folder.h"

using namespace moco;

namespace {

const std::string kMethods =
    "  def forward(self: __torch__.Model,\n"
    "    x: Tensor) -> Tensor:\n"
    "    y = torch.linear(x, getattr(self.f, \"0\").weight, getattr(self.f, \"0\").bias)\n"
    "    return torch.relu(y)\n"
    "  def project(self: __torch__.Model,\n"
    "    x: Tensor) -> Tensor:\n"
    "    return torch.linear(x, self.g, None)\n";

/// A weight that does not lie row-major in memory, and one at the outermost place.
StateDict exampleState() {
  return {{"f.0.weight", at::tensor({1.f, 3.f, 2.f, 4.f}).view({2, 2}).t()},
          {"f.0.bias", at::tensor({10.f, -100.f})},
          {"g", at::tensor({5.f, 7.f}).view({1, 2})}};
}

void write(const std::string& path) {
  AtomicFile file(path);
  writeTorchScript(file, exampleState(), kMethods, R"({"arch":"resnet18"})");
  file.commitNew();
}

}  // namespace

TEST_CASE("LibTorch loads TorchScript and computes with it") {
  const TemporaryFolder folder;
  const std::string path = folder.path / "model.pt";
  write(path);
  torch::jit::ExtraFilesMap extra{{"moco.json", ""}};
  auto model = torch::jit::load(path, at::kCPU, extra);
  CHECK(extra["moco.json"] == R"({"arch":"resnet18"})");
  const auto x = at::tensor({1.f, 1.f}).view({1, 2});
  const auto features = model.forward({x}).toTensor();
  CHECK(features.equal(at::tensor({13.f, 0.f}).view({1, 2})));
  CHECK(model.get_method("project")({features}).toTensor().item<float>() == 65);
}

TEST_CASE("the buffers of TorchScript have the names that the tensors had") {
  const TemporaryFolder folder;
  const std::string path = folder.path / "model.pt";
  write(path);
  const auto model = torch::jit::load(path);
  std::map<std::string, at::Tensor> found;
  for (const auto& buffer : model.named_buffers()) found.emplace(buffer.name, buffer.value);
  const StateDict expected = exampleState();
  CHECK(found.size() == expected.size());
  for (const auto& [name, tensor] : expected) {
    CAPTURE(name);
    REQUIRE(found.count(name) == 1);
    CHECK(found.at(name).equal(tensor));
    CHECK_FALSE(found.at(name).requires_grad());
  }
}
