// What a kernel that multiplies and adds floats is called with.

#pragma once

#include <cstddef>
#include <cstdint>

namespace onnx2snn {

// Channels that go through a kernel side by side, whatever an instruction set holds in a vector.
constexpr size_t kLanes = 16;

// Outputs of a product whose weights lie in a row.
constexpr size_t kPointOutputs = 4 * kLanes;

// Some channels of many positions, to be laid out as floats, kLanes a position.
struct LanesRun {
  const void* numbers;  // of the first position: int8 or float
  bool are_bytes;
  size_t positions;
  size_t step;      // numbers from one position to the next
  size_t channels;  // at most kLanes; what is beyond them is left as it is
  float* lanes;
};

// What becomes of a sum: times a scale, plus a bias, each one an output.
struct Finish {
  const float* scale;
  const float* bias;
  size_t outputs;  // so many are written
};

// A row of results of a convolution of kLanes channels, each by itself.
struct ConvolveRun {
  size_t results;
  const float* incoming;  // lanes that the first entry of the first result reads
  size_t stride;          // numbers from one result to the next
  const size_t* entries;  // numbers from the first entry of a kernel to each of them
  size_t kernel;          // number of entries
  const float* weights;   // kLanes for each entry
  Finish finish;
  float* outputs;
  size_t output_step;  // numbers from one result to the next
};

// Rows of floats by a matrix of at most kPointOutputs columns.
struct PointsRun {
  size_t points;
  const float* incoming;  // rows, one behind another
  size_t inputs;
  const float* weights;  // kPointOutputs for each input
  Finish finish;
  float* outputs;
  size_t output_step;  // numbers from one row to the next
};

}  // namespace onnx2snn
