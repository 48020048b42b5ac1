// Memory that a thread uses again and again, so that it stays in the cache.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace onnx2snn {

class Scratch {
 public:
  // At least so many bytes, aligned for every vector; what was there before is lost.
  void* bytes(size_t count) {
    if (count > size_) {
      room_.reset(new char[count + kAlignment]);
      size_ = count;
    }
    const uintptr_t start = reinterpret_cast<uintptr_t>(room_.get());
    return reinterpret_cast<void*>((start + kAlignment - 1) / kAlignment * kAlignment);
  }

 private:
  static constexpr size_t kAlignment = 64;
  std::unique_ptr<char[]> room_;
  size_t size_ = 0;
};

}  // namespace onnx2snn
