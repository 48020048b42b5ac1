// What every operator of this library is to onnxruntime.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "onnxruntime.h"

namespace onnx2snn {

// One node of a session: what it holds between runs, and its computation.
class NodeKernel {
 public:
  virtual ~NodeKernel() = default;

  // Throws InvalidInput where types or shapes do not fit.
  virtual void compute(const Onnxruntime& ort, OrtKernelContext* context) = 0;
};

// An operator for certain types of its inputs and outputs.
class CustomOperator : public OrtCustomOp {
 public:
  CustomOperator(std::string name, std::vector<ElementType> inputs, std::vector<ElementType> outputs);
  virtual ~CustomOperator() = default;
  CustomOperator(const CustomOperator&) = delete;
  CustomOperator& operator=(const CustomOperator&) = delete;

  const std::string& name() const { return name_; }
  size_t number_of_inputs() const { return inputs_.size(); }
  size_t number_of_outputs() const { return outputs_.size(); }

  virtual std::unique_ptr<NodeKernel> make_kernel(const Onnxruntime& ort, const OrtKernelInfo* node) const = 0;

 private:
  std::string name_;
  std::vector<ElementType> inputs_;
  std::vector<ElementType> outputs_;
};

using Operators = std::vector<std::unique_ptr<CustomOperator>>;

}  // namespace onnx2snn
