#include "core/files/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iomanip>
#include <random>
#include <sstream>
#include <utility>

#include "core/base/error.h"

namespace moco {
namespace {

constexpr mode_t kPermissions = 0666;  // the umask takes some away, as from any new file

std::string hintFor(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "The disk is full: free some space, or choose another folder.";
    case EFBIG:
      return "The file would exceed the size limit: raise it (ulimit -f).";
    case EMFILE:
    case ENFILE:
      return "Too many files are open: raise the limit (ulimit -n).";
    case EACCES:
    case EPERM:
    case EROFS:
      return "Choose a folder that you may write to.";
    case ESTALE:
      return "The file server has lost it: mount the folder again, or choose another one.";
    case ENOENT:
    case ENOTDIR:
      return "The folder is not there: make it, or choose another one.";
    default:
      return "Choose another folder, or check the disk.";
  }
}

/// `.model.pth.0123abcd.tmp` in the folder of `model.pth`. `writeFileAtomic` in src/disk names its
/// files in the same way, and src/disk/leftovers.ts finds what was left by either.
std::string temporaryName(const std::filesystem::path& path) {
  std::ostringstream name;
  name << '.' << path.filename().string() << '.' << std::hex << std::setfill('0') << std::setw(8)
       << std::random_device()() << ".tmp";
  return (path.parent_path() / name.str()).string();
}

}  // namespace

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)) {
  do {  // nobody else writes to a file that this one has made
    temporary_ = temporaryName(path_);
    descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kPermissions);
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) fail("open", errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(descriptor_, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", errno);
    bytes += written;
    size -= static_cast<size_t>(written);
  }
}

void AtomicFile::overwriteStart(const void* data, size_t size) {
  if (lseek(descriptor_, 0, SEEK_SET) < 0) fail("rewind", errno);
  write(data, size);
}

void AtomicFile::commit(const std::string& previous) {
  flush();
  if (!previous.empty() && access(path_.c_str(), F_OK) == 0) renameTo(path_, previous);
  renameTo(temporary_, path_);
  close(std::exchange(descriptor_, -1));
  flushFolder();
}

void AtomicFile::commitNew() {
  flush();
  if (link(temporary_.c_str(), path_.c_str()) == 0) {
    unlink(temporary_.c_str());
  } else if (errno == EEXIST || access(path_.c_str(), F_OK) == 0) {
    throw Error("ERR_MOCO_OUTPUT", path_ + " exists already and was not changed",
                "Choose another path, or pass --force to replace it.");
  } else {
    renameTo(temporary_, path_);  // a file system without hard links
  }
  close(std::exchange(descriptor_, -1));
  flushFolder();
}

void AtomicFile::flush() const {
  if (fsync(descriptor_) != 0) fail("flush", errno);
}

void AtomicFile::flushFolder() const {
  const auto parent = std::filesystem::path(path_).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  const int folderDescriptor = open(folder.c_str(), O_RDONLY | O_CLOEXEC);
  // A folder that may be written to but not read cannot be flushed.
  if (folderDescriptor < 0 && errno == EACCES) return;
  if (folderDescriptor < 0) fail("flush the folder of", errno);
  const int flushed = fsync(folderDescriptor);
  const int error = errno;
  close(folderDescriptor);
  // Some network file systems cannot flush a folder, and say so.
  const bool cannot = error == EINVAL || error == ENOTSUP;
  if (flushed != 0 && !cannot) fail("flush the folder of", error);
}

void AtomicFile::renameTo(const std::string& from, const std::string& to) const {
  if (std::rename(from.c_str(), to.c_str()) != 0) fail("rename", errno);
}

void AtomicFile::fail(const std::string& action, int error) const {
  throw Error("ERR_MOCO_OUTPUT", "cannot " + action + " " + path_ + ": " + std::strerror(error),
              hintFor(error));
}

}  // namespace moco
