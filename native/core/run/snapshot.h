#pragma once

#include <string>

#include "core/device/side_stream.h"
#include "core/files/state_dict.h"

namespace moco {

/// A copy of all that a run has changed until now. It can be written to files by another thread,
/// while the run goes on.
class Snapshot {
 public:
  /// Copies on the tensors' device, and does not wait for the copies.
  /// @param state   of a run: `Moco::state`
  /// @param stream  a stream of the tensors' device, on which files are written
  Snapshot(const StateDict& state, SideStream stream);

  /// Writes the query encoder's state dict.
  /// @param description  as for `writePth`
  /// @throws Error ERR_MOCO_OUTPUT  if the file cannot be written
  void saveModel(const std::string& path, const std::string& description) const;

  /// Writes everything that another trainer needs to continue the run from here bit for bit.
  /// @param previous  the path to which a file that is already at `path` is moved
  /// @param run       JSON about the run, which is stored as it is
  /// @throws Error ERR_MOCO_OUTPUT  if the file cannot be written
  void saveCheckpoint(const std::string& path, const std::string& previous,
                      const std::string& run) const;

 private:
  StateDict state_;
  SideStream stream_;
};

}  // namespace moco
