#include "core/run/snapshot.h"

#include "core/contrast/moco.h"
#include "core/files/atomic_file.h"
#include "core/files/pth_writer.h"
#include "core/files/safetensors_writer.h"

namespace moco {
namespace {

/// Copies that lie row-major, as in the files: bringing them into that order is quick work for the
/// device's many threads, and the thread that writes is alone.
StateDict rowMajorCopies(const StateDict& state) {
  StateDict copies;
  copies.reserve(state.size());
  for (const auto& [name, tensor] : state) {
    copies.emplace_back(name, tensor.detach().clone(at::MemoryFormat::Contiguous));
  }
  return copies;
}

}  // namespace

Snapshot::Snapshot(const StateDict& state, SideStream stream)
    : state_(rowMajorCopies(state)), stream_(stream) {
  stream_.follow();
}

void Snapshot::saveModel(const std::string& path, const std::string& description) const {
  const auto stream = stream_.use();
  StateDict model = section(state_, Moco::kQueryEncoder);
  std::erase_if(model, [](const auto& entry) { return isOfPredictor(entry.first); });
  AtomicFile file(path);
  writePth(file, model, description);
  file.commit();
}

void Snapshot::saveCheckpoint(const std::string& path, const std::string& previous,
                              const std::string& run) const {
  const auto stream = stream_.use();
  AtomicFile file(path);
  writeSafetensors(file, state_, {{"format", "moco-checkpoint"}, {"run", run}});
  file.commit(previous);
}

}  // namespace moco
