// What a kernel of one time step, or of several, is called with.

#pragma once

#include <cstddef>
#include <cstdint>

namespace onnx2snn {

constexpr size_t kMostStates = 2;
constexpr size_t kMostParameters = 4;

// Numbers in a row, or one number that stands for all of them.
struct Operand {
  const void* data;
  bool varies;
};

// Elements that lie in a row in memory, and go through the same time steps.
struct StepRun {
  size_t length;       // number of elements
  size_t time_steps;   // number of steps
  Operand stream;      // the first input, at the first step
  size_t stream_step;  // elements from one step of it to the next
  Operand states[kMostStates];
  Operand parameters[kMostParameters];
  void* outputs;                    // the first output, at the first step
  size_t output_step;               // elements from one step of it to the next
  void* states_after[kMostStates];  // states after the last step; null where nobody reads one

  // Only of the packed form: spikes as int8, added to the stream, each for so much.
  Operand residual;      // at the first step; no data where there are none
  size_t residual_step;  // elements from one step of them to the next
  Operand residual_scale;
};

// One operator in the forms for float and for double.
struct Kernel {
  const char* name;
  size_t states;
  size_t parameters;
  bool integer_states;       // int64 instead of the type of the stream
  bool hands_out_its_state;  // the first output is the state after the step
  void (*run_float)(const StepRun&);
  void (*run_double)(const StepRun&);
  void (*run_int64)(const StepRun&);   // null where a stream of integers makes no sense
  void (*run_packed)(const StepRun&);  // float, outputs as int8; null where they are no spikes
};

constexpr size_t kKernels = 14;

// One window of a pool, for all channels: they lie in a row.
struct PoolRun {
  size_t channels;
  size_t time_steps;
  const void* stream;     // of int8 or float, at the first step
  size_t stream_step;     // elements from one step to the next
  const size_t* entries;  // elements from the start of a step to each entry of the window
  size_t window;          // number of entries, at least 1
  void* outputs;          // of the type of the stream, at the first step
  size_t output_step;     // elements from one step to the next
  float* sums;            // room for kMostLanes numbers for each entry
};

// Numbers to be split in two of bfloat16, which are the upper halves of floats.
struct HalvesRun {
  const float* numbers;
  size_t rows, channels;
  size_t parts;      // 2 for upper and lower halves of each row side by side, 3 for the upper ones again
  uint16_t* halves;  // rows of `parts` times `channels`
};

constexpr size_t kMostLanes = 16;

}  // namespace onnx2snn
