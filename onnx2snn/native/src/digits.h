// Weights of float as numbers of fewer bits that add up to them.

#pragma once

#include <cstdint>
#include <vector>

namespace onnx2snn {

// Weights of float, whose output channels are the last axis, or the first.
struct ChannelWeights {
  const float* data;
  int64_t count;
  int64_t outputs;
  bool are_outputs_last;
};

bool are_finite(const ChannelWeights& weights);

// Whole numbers of 8 bits, with a scale for each output channel.
struct Digit {
  std::vector<int8_t> numbers;
  std::vector<float> scale;
};

constexpr int kDigits = 3;

// Digits that add up to weights, which are finite; the highest first. A weight is off by at most
// 2^-24 of the largest of its channel; by nothing where all of the channel are multiples of one power
// of two, and 23 bits hold them.
std::vector<Digit> digits_of(const ChannelWeights& weights);

// The upper halves of floats, which are bfloat16, and the upper halves of what is left.
struct Halves {
  std::vector<uint16_t> upper, lower;
};

Halves halves_of(const ChannelWeights& weights);

// Whole numbers of 8 bits as bfloat16, exactly.
std::vector<uint16_t> bfloat16_of(const int8_t* weights, int64_t count);

// Blocks of several arrays in turns: the first of each, the second of each, and so on.
std::vector<uint16_t> in_turns(const std::vector<const std::vector<uint16_t>*>& arrays, int64_t block);

}  // namespace onnx2snn
