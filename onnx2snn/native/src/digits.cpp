#include "digits.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

namespace onnx2snn {

namespace {

constexpr int kBase = 256;
constexpr int kMost = (127 * kBase + 127) * kBase + 127;  // what all digits hold
static_assert(kDigits == 3, "kMost is for three digits");
constexpr float kSmallest = 1e-30f;  // weights below are nothing, as far as floats can tell

// Rounded to the nearest, ties to even.
uint16_t rounded_to_bfloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float from_bfloat16(uint16_t half) {
  const uint32_t bits = static_cast<uint32_t>(half) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Calls `take(weight, output channel, place)` for all weights, in the order of memory.
template <class Take>
void for_each(const ChannelWeights& weights, Take take) {
  const size_t all = static_cast<size_t>(weights.count);
  const size_t outputs = static_cast<size_t>(weights.outputs);
  const size_t row = weights.are_outputs_last ? outputs : all / outputs;
  for (size_t start = 0; start < all; start += row) {
    const size_t first = weights.are_outputs_last ? 0 : start / row;
    const size_t step = weights.are_outputs_last ? 1 : 0;
    for (size_t k = 0; k < row; ++k) take(weights.data[start + k], first + k * step, start + k);
  }
}

// What the lowest digit of each channel counts.
std::vector<float> units_of(const ChannelWeights& weights) {
  const size_t outputs = static_cast<size_t>(weights.outputs);
  std::vector<float> largest(outputs, 0.0f);
  for_each(weights, [&](float weight, size_t output, size_t) {
    largest[output] = std::max(largest[output], std::fabs(weight));
  });
  std::vector<float> units(outputs), powers_of_two(outputs);
  for (size_t output = 0; output < outputs; ++output) {
    units[output] = largest[output] < kSmallest ? 1.0f : largest[output] / kMost;
    powers_of_two[output] = std::exp2(std::ceil(std::log2(units[output])));
  }
  std::vector<char> are_multiples(outputs, 1);
  for_each(weights, [&](float weight, size_t output, size_t) {
    const float multiple = weight / powers_of_two[output];
    if (multiple != std::rint(multiple)) are_multiples[output] = 0;
  });
  for (size_t output = 0; output < outputs; ++output) {
    if (are_multiples[output]) units[output] = powers_of_two[output];
  }
  return units;
}

}  // namespace

bool are_finite(const ChannelWeights& weights) {
  return std::all_of(weights.data, weights.data + weights.count, [](float weight) { return std::isfinite(weight); });
}

std::vector<Digit> digits_of(const ChannelWeights& weights) {
  const size_t all = static_cast<size_t>(weights.count);
  std::vector<Digit> digits(kDigits, Digit{std::vector<int8_t>(all), units_of(weights)});
  for_each(weights, [&](float weight, size_t output, size_t place) {
    const double unit = digits.back().scale[output];
    long rest = std::lrint(static_cast<double>(weight) / unit);
    for (size_t k = kDigits; k-- > 0;) {
      const long digit = ((rest + kBase / 2) & (kBase - 1)) - kBase / 2;  // -128 to 127
      digits[k].numbers[place] = static_cast<int8_t>(digit);
      rest = (rest - digit) / kBase;
    }
  });
  for (size_t k = kDigits - 1; k-- > 0;) {
    for (size_t output = 0; output < digits[k].scale.size(); ++output) {
      digits[k].scale[output] = digits[k + 1].scale[output] * kBase;
    }
  }
  return digits;
}

Halves halves_of(const ChannelWeights& weights) {
  const size_t all = static_cast<size_t>(weights.count);
  Halves halves{std::vector<uint16_t>(all), std::vector<uint16_t>(all)};
  for (size_t k = 0; k < all; ++k) {
    halves.upper[k] = rounded_to_bfloat16(weights.data[k]);
    halves.lower[k] = rounded_to_bfloat16(weights.data[k] - from_bfloat16(halves.upper[k]));
  }
  return halves;
}

std::vector<uint16_t> bfloat16_of(const int8_t* weights, int64_t count) {
  std::vector<uint16_t> numbers(static_cast<size_t>(count));
  std::transform(weights, weights + count, numbers.begin(), [](int8_t weight) { return rounded_to_bfloat16(weight); });
  return numbers;
}

std::vector<uint16_t> in_turns(const std::vector<const std::vector<uint16_t>*>& arrays, int64_t block) {
  std::vector<uint16_t> all;
  const ptrdiff_t length = static_cast<ptrdiff_t>(block);
  for (size_t start = 0; start < arrays[0]->size(); start += static_cast<size_t>(block)) {
    for (const std::vector<uint16_t>* array : arrays) {
      const auto first = array->begin() + static_cast<ptrdiff_t>(start);
      all.insert(all.end(), first, first + length);
    }
  }
  return all;
}

}  // namespace onnx2snn
