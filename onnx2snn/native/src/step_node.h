// One node with states at work: its operands, and its kernel run over parts of a step.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broadcasting.h"
#include "onnxruntime.h"
#include "step_run.h"

namespace onnx2snn {

enum class Form {
  kOneStep,    // all tensors are of one time step
  kMultiStep,  // the first input and the first output have an axis of time in front
  kPacked,     // as kMultiStep; spikes are int8, and some may be added to the first input
};

// What one operator is, in one form, for one type of numbers.
struct Facts {
  const Kernel* kernel;
  Form form;
  ElementType type;

  bool has_time_axis() const { return form != Form::kOneStep; }
  bool is_packed() const { return form == Form::kPacked; }
  bool hands_out_states() const { return has_time_axis() || !kernel->hands_out_its_state; }
  ElementType state_type() const { return kernel->integer_states ? ElementType::kInt64 : type; }
  ElementType output_type() const { return is_packed() ? ElementType::kInt8 : type; }
};

// Where the inputs of a node are that its kernel reads beside the stream.
struct InputPositions {
  std::optional<size_t> residual;  // spikes that are added to the stream; their scale is behind
  size_t states;                   // parameters are behind
};

// What comes in at each step, for some elements of a step.
struct Stream {
  const void* data;  // of the first of these elements, at the first step
  size_t step;       // elements from one step to the next
};

class StepNode {
 public:
  // Reads all inputs but the stream, which has `shape` at each step, and allocates the outputs.
  // Throws InvalidInput where shapes do not fit.
  StepNode(const Facts& facts, const Onnxruntime& ort, OrtKernelContext* context, const InputPositions& positions,
           const Shape& shape, int64_t time_steps);
  StepNode(const StepNode&) = delete;
  StepNode& operator=(const StepNode&) = delete;

  // Takes elements `first` up to `stop` of a step through all steps, on onnxruntime's threads.
  void run(const Stream& stream, int64_t first, int64_t stop) const;

  int64_t elements() const { return walk_.elements(); }

 private:
  struct Inputs;

  StepNode(const Facts& facts, const Onnxruntime& ort, OrtKernelContext* context, const Inputs& inputs,
           const Shape& shape, int64_t time_steps);

  const void* repeated(size_t operand, const InputTensor& tensor, ElementType type);
  void set_operands(const Inputs& inputs);
  void set_residual(const Inputs& inputs);
  void set_outputs(const Shape& shape);
  StepRun run_at(int64_t start, int64_t length, std::vector<int64_t>& positions) const;
  void run_kernel(const StepRun& run) const;

  const Facts facts_;
  const Onnxruntime& ort_;
  OrtKernelContext* context_;
  const Walk walk_;
  StepRun whole_{};                    // operands at the first element
  std::vector<std::string> repeated_;  // operands point into it

  friend struct StepPart;
};

}  // namespace onnx2snn
