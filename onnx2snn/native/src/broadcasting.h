// Tensors of different shapes walked together, in runs that lie in a row in memory.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "onnxruntime.h"

namespace onnx2snn {

// The common shape of operands, with as few axes as they allow.
//
// In a run, each operand either lies in a row or is one number. Where operands are one row that is
// repeated along all other axes, as thresholds are with channels last, a run would be as short as
// that row: they are to be repeated in memory, `repetitions()` times, and make longer runs so.
class Walk {
 public:
  // `shape` is what all operands broadcast to. Throws InvalidInput where one does not.
  Walk(const Shape& shape, const std::vector<Shape>& operands);

  int64_t elements() const { return elements_; }
  bool varies(size_t operand) const;

  // Whether the row of an operand is to be repeated in memory, and how often.
  bool is_row(size_t operand) const { return repetitions_ > 0 && kinds_[operand] == Kind::kRow; }
  int64_t repetitions() const { return repetitions_; }

  // The number of elements in the run that element `start` of the common shape begins.
  int64_t length_from(int64_t start) const;

  // The position of each operand at element `start` of the common shape.
  void positions_at(int64_t start, std::vector<int64_t>& positions) const;

 private:
  enum class Kind { kFull, kNumber, kRow, kOther };

  void set_repetitions();
  void merge_axes();
  bool can_merge(size_t axis) const;

  std::vector<int64_t> sizes_;
  std::vector<std::vector<int64_t>> strides_;  // of each operand, along each axis
  std::vector<Kind> kinds_;
  int64_t elements_;
  int64_t row_ = 1;          // numbers in the last axis
  int64_t repetitions_ = 0;  // 0 where rows are not repeated
};

}  // namespace onnx2snn
