#include "custom_operator.h"

#include <exception>
#include <utility>

namespace onnx2snn {

namespace {

constexpr int kRequired = 0;
constexpr int kOptional = 1;

// A kernel with what it needs to report an error.
struct Holder {
  const CustomOperator* op;
  Onnxruntime ort;
  std::unique_ptr<NodeKernel> kernel;
};

const CustomOperator& operator_of(const OrtCustomOp* op) { return *static_cast<const CustomOperator*>(op); }

// Run `work`, and turn what it throws into a status: no exception may cross the interface of C.
template <class Work>
OrtStatus* run_guarded(const CustomOperator& op, const Onnxruntime& ort, Work work) {
  try {
    work();
    return nullptr;
  } catch (const std::exception& error) {
    return ort.make_status((op.name() + ": " + error.what()).c_str());
  } catch (...) {
    return ort.make_status((op.name() + ": failed").c_str());
  }
}

}  // namespace

CustomOperator::CustomOperator(std::string name, std::vector<ElementType> inputs, std::vector<ElementType> outputs)
    : OrtCustomOp{}, name_(std::move(name)), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {
  version = kApiVersion;
  GetName = [](const OrtCustomOp* op) { return operator_of(op).name().c_str(); };
  GetExecutionProviderType = [](const OrtCustomOp*) { return "CPUExecutionProvider"; };
  GetInputTypeCount = [](const OrtCustomOp* op) { return operator_of(op).inputs_.size(); };
  GetOutputTypeCount = [](const OrtCustomOp* op) { return operator_of(op).outputs_.size(); };
  GetInputType = [](const OrtCustomOp* op, size_t index) { return static_cast<int>(operator_of(op).inputs_[index]); };
  GetOutputType = [](const OrtCustomOp* op, size_t index) { return static_cast<int>(operator_of(op).outputs_[index]); };
  GetInputCharacteristic = [](const OrtCustomOp*, size_t) { return kRequired; };
  // Nobody has to take more than the first output.
  GetOutputCharacteristic = [](const OrtCustomOp*, size_t index) { return index == 0 ? kRequired : kOptional; };
  GetInputMemoryType = [](const OrtCustomOp*, size_t) { return 0; };
  GetVariadicInputMinArity = [](const OrtCustomOp*) { return 0; };
  GetVariadicInputHomogeneity = [](const OrtCustomOp*) { return 0; };
  GetVariadicOutputMinArity = [](const OrtCustomOp*) { return 0; };
  GetVariadicOutputHomogeneity = [](const OrtCustomOp*) { return 0; };
  GetStartVersion = [](const OrtCustomOp*) { return 1; };
  GetEndVersion = [](const OrtCustomOp*) { return 1; };
  CreateKernelV2 = [](const OrtCustomOp* op, const OrtApi* api, const OrtKernelInfo* node,
                      void** kernel) -> OrtStatus* {
    const CustomOperator& made = operator_of(op);
    const Onnxruntime ort(api);
    return run_guarded(made, ort, [&] { *kernel = new Holder{&made, ort, made.make_kernel(ort, node)}; });
  };
  KernelComputeV2 = [](void* kernel, OrtKernelContext* context) -> OrtStatus* {
    Holder& holder = *static_cast<Holder*>(kernel);
    return run_guarded(*holder.op, holder.ort, [&] { holder.kernel->compute(holder.ort, context); });
  };
  KernelDestroy = [](void* kernel) { delete static_cast<Holder*>(kernel); };
}

}  // namespace onnx2snn
