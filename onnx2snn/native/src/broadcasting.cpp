#include "broadcasting.h"

#include <algorithm>

namespace onnx2snn {

namespace {

constexpr int64_t kLongRow = 1024;

// How far apart neighbors along each axis of `shape` lie in `operand`; 0 where it has one for all.
std::vector<int64_t> strides_within(const Shape& shape, const Shape& operand) {
  const size_t rank = shape.size();
  const std::string problem = "an input of shape " + to_text(operand) + " does not broadcast to " + to_text(shape);
  if (operand.size() > rank) throw InvalidInput(problem);
  std::vector<int64_t> strides(rank, 0);
  const size_t missing = rank - operand.size();
  int64_t distance = 1;
  for (size_t axis = rank; axis-- > missing;) {
    const int64_t size = operand[axis - missing];
    if (size != 1 && size != shape[axis]) throw InvalidInput(problem);
    strides[axis] = size == 1 ? 0 : distance;
    distance *= size;
  }
  return strides;
}

}  // namespace

Walk::Walk(const Shape& shape, const std::vector<Shape>& operands)
    : sizes_(shape), elements_(number_of_elements(shape)), row_(shape.empty() ? 1 : shape.back()) {
  for (const Shape& operand : operands) {
    strides_.push_back(strides_within(shape, operand));
    const int64_t count = number_of_elements(operand);
    const bool is_one_row = count == row_ && !operand.empty() && operand.back() == row_;
    kinds_.push_back(count == elements_ ? Kind::kFull
                     : count == 1       ? Kind::kNumber
                     : is_one_row       ? Kind::kRow
                                        : Kind::kOther);
  }
  set_repetitions();
  merge_axes();
}

void Walk::set_repetitions() {
  const auto has = [&](Kind kind) { return std::find(kinds_.begin(), kinds_.end(), kind) != kinds_.end(); };
  if (has(Kind::kRow) && !has(Kind::kOther) && row_ < kLongRow) repetitions_ = (kLongRow + row_ - 1) / row_;
}

bool Walk::varies(size_t operand) const {
  if (repetitions_ > 0) return kinds_[operand] != Kind::kNumber;
  return strides_[operand].back() != 0;
}

// Whether `axis` and the one behind it are one axis to every operand.
bool Walk::can_merge(size_t axis) const {
  if (sizes_[axis] == 1 || sizes_[axis + 1] == 1) return true;
  for (const std::vector<int64_t>& strides : strides_) {
    if (strides[axis] != strides[axis + 1] * sizes_[axis + 1]) return false;
  }
  return true;
}

void Walk::merge_axes() {
  for (size_t axis = sizes_.size(); axis-- > 0;) {
    if (axis + 1 >= sizes_.size() || !can_merge(axis)) continue;
    const bool keeps_first = sizes_[axis + 1] == 1;
    sizes_[axis] *= sizes_[axis + 1];
    sizes_.erase(sizes_.begin() + static_cast<ptrdiff_t>(axis) + 1);
    for (std::vector<int64_t>& strides : strides_) {
      strides.erase(strides.begin() + static_cast<ptrdiff_t>(keeps_first ? axis + 1 : axis));
    }
  }
  if (!sizes_.empty()) return;
  sizes_.push_back(1);
  for (std::vector<int64_t>& strides : strides_) strides.push_back(0);
}

int64_t Walk::length_from(int64_t start) const {
  const int64_t row = repetitions_ > 0 ? row_ * repetitions_ : sizes_.back();
  return std::min(row - start % row, elements_ - start);
}

void Walk::positions_at(int64_t start, std::vector<int64_t>& positions) const {
  positions.assign(strides_.size(), 0);
  if (repetitions_ > 0) {
    for (size_t k = 0; k < kinds_.size(); ++k) {
      if (kinds_[k] == Kind::kFull) positions[k] = start;
      if (kinds_[k] == Kind::kRow) positions[k] = start % (row_ * repetitions_);
    }
    return;
  }
  for (size_t axis = sizes_.size(); axis-- > 0;) {
    const int64_t index = start % sizes_[axis];
    start /= sizes_[axis];
    for (size_t k = 0; k < strides_.size(); ++k) positions[k] += index * strides_[k][axis];
  }
}

}  // namespace onnx2snn
