#include "core/files/pth_writer.h"

#include "core/files/pickle.h"
#include "core/files/torch_archive.h"

namespace moco {
namespace {

std::string pickleStateDict(const StateDict& state) {
  Pickle pickle;
  pickle.emptyOrderedDict();
  pickle.mark();
  for (size_t i = 0; i < state.size(); ++i) {
    pickle.string(state[i].first);
    pickle.tensor(state[i].second, std::to_string(i));
  }
  pickle.setItems();
  return pickle.finish();
}

}  // namespace

void writePth(AtomicFile& file, const StateDict& state, const std::string& description) {
  Records records;
  if (!description.empty()) records.emplace_back(kDescriptionRecord, description);
  writeTorchArchive(file, pickleStateDict(state), state, records);
}

}  // namespace moco
