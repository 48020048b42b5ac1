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

// A weight is upper * upper_scale + lower * lower_scale, with scales of its output channel.
struct Digits {
  std::vector<int8_t> upper, lower;
  std::vector<float> upper_scale, lower_scale;
};

// Two digits of 8 bits for each of the weights, which are finite. A weight is off by at most 2^-16 of
// the largest of its channel; by nothing where all of the channel are multiples of one power of two
// and 15 bits hold them.
Digits digits_of(const ChannelWeights& weights);

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
