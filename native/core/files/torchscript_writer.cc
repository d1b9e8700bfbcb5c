#include "core/files/torchscript_writer.h"

#include <map>
#include <memory>
#include <sstream>
#include <vector>

#include "core/files/pickle.h"
#include "core/files/pth_writer.h"
#include "core/files/torch_archive.h"

namespace moco {
namespace {

/// The module that holds classes without a package.
constexpr const char* kPackage = "__torch__";

/// A module: what its tensors and submodules are called.
struct Module {
  std::string className = "Model";
  std::vector<std::pair<std::string, size_t>> tensors;  // name, and place in the state dict
  std::map<std::string, std::unique_ptr<Module>> children;
};

/// Puts a tensor where its name says; what is missing on the way is made.
void place(Module& root, const std::string& name, size_t number) {
  Module* module = &root;
  size_t begin = 0;
  for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', begin)) {
    const std::string part = name.substr(begin, dot - begin);
    auto& child = module->children[part];
    if (!child) child = std::make_unique<Module>(Module{module->className + "_" + part, {}, {}});
    module = child.get();
    begin = dot + 1;
  }
  module->tensors.emplace_back(name.substr(begin), number);
}

Module modulesOf(const StateDict& state) {
  Module root;
  for (size_t i = 0; i < state.size(); ++i) place(root, state[i].first, i);
  return root;
}

/// The source of a class: its attributes, and the methods of the outermost one.
void declare(const Module& module, const std::string& methods, std::ostream& source) {
  for (const auto& [name, child] : module.children) declare(*child, {}, source);
  source << "class " << module.className << "(Module):\n";
  source << "  __parameters__ = []\n  __buffers__ = [";
  for (const auto& tensor : module.tensors) source << '"' << tensor.first << "\", ";
  source << "]\n";
  for (const auto& tensor : module.tensors) source << "  " << tensor.first << " : Tensor\n";
  source << "  training : bool\n";
  // Names such as `0` are no identifiers, and are annotated in this way, as PyTorch does it.
  for (const auto& [name, child] : module.children) {
    source << "  __annotations__[\"" << name << "\"] = " << kPackage << '.' << child->className
           << '\n';
  }
  source << methods;
}

void pickleModule(Pickle& pickle, const Module& module, const StateDict& state) {
  pickle.global(kPackage, module.className);
  pickle.emptyTuple();
  pickle.newObject();
  pickle.emptyDict();
  pickle.mark();
  for (const auto& [name, number] : module.tensors) {
    pickle.string(name);
    pickle.tensor(state[number].second, std::to_string(number));
  }
  pickle.string("training");
  pickle.newFalse();
  for (const auto& [name, child] : module.children) {
    pickle.string(name);
    pickleModule(pickle, *child, state);
  }
  pickle.setItems();
  pickle.build();
}

/// A module has constants beside its tensors; this one has none.
std::string noConstants() {
  Pickle pickle;
  pickle.emptyTuple();
  return pickle.finish();
}

}  // namespace

void writeTorchScript(AtomicFile& file, const StateDict& state, const std::string& methods,
                      const std::string& description) {
  const Module root = modulesOf(state);
  std::ostringstream source;
  declare(root, methods, source);
  Pickle pickle;
  pickleModule(pickle, root, state);
  writeTorchArchive(file, pickle.finish(), state,
                    {{std::string("code/") + kPackage + ".py", source.str()},
                     {"constants.pkl", noConstants()},
                     {std::string("extra/") + kDescriptionRecord, description}});
}

}  // namespace moco
