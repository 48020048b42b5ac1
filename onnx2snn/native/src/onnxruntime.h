// onnxruntime's functions by name, and its tensors as plain values.

#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "onnxruntime_abi.h"

namespace onnx2snn {

constexpr uint32_t kApiVersion = 18;

// Types of elements, with onnxruntime's numbers.
enum class ElementType : int { kFloat = 1, kInt8 = 3, kInt64 = 7, kDouble = 11 };

size_t size_of(ElementType type);

// What is wrong with the inputs of a node; it ends as a status, never outside of this library.
struct InvalidInput : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using Shape = std::vector<int64_t>;

bool are_positive(const std::vector<int64_t>& numbers);
std::string to_text(const Shape& shape);
int64_t number_of_elements(const Shape& shape);

struct InputTensor {
  const void* data;
  Shape shape;
};

// The functions of onnxruntime that a kernel needs. Errors of onnxruntime are thrown.
class Onnxruntime {
 public:
  explicit Onnxruntime(const OrtApi* api) : api_(api) {}

  OrtStatus* make_status(const char* message) const;
  void add_operator(OrtCustomOpDomain* domain, const OrtCustomOp* op) const;
  OrtCustomOpDomain* make_domain(const char* name) const;
  void add_domain(OrtSessionOptions* options, OrtCustomOpDomain* domain) const;

  // Attributes of a node; the default where it has none of that name.
  int64_t attribute(const OrtKernelInfo* node, const char* name, int64_t otherwise) const;
  std::vector<int64_t> attribute(const OrtKernelInfo* node, const char* name, std::vector<int64_t> otherwise) const;

  InputTensor input(const OrtKernelContext* context, size_t index) const;
  // Null for an output that the node leaves out.
  void* output(OrtKernelContext* context, size_t index, const Shape& shape) const;
  // Runs `work` on `user` for each part, on onnxruntime's threads; rethrows the first exception.
  void run_in_parallel(const OrtKernelContext* context, void (*work)(void*, size_t), size_t parts, void* user) const;

 private:
  template <class Function>
  Function function(size_t position) const {
    return reinterpret_cast<Function>(api_->functions[position]);
  }

  // Positions in the table, by the names that onnxruntime gives the functions.
  enum Position : size_t {
    kCreateStatus = 0,
    kCreateCustomOpDomain = 26,
    kCustomOpDomainAdd = 27,
    kAddCustomOpDomain = 28,
    kGetTensorMutableData = 51,
    kGetDimensionsCount = 61,
    kGetDimensions = 62,
    kGetTensorTypeAndShape = 65,
    kKernelInfoGetAttributeInt64 = 86,
    kKernelContextGetInput = 90,
    kKernelContextGetOutput = 91,
    kReleaseStatus = 93,
    kReleaseTensorTypeAndShapeInfo = 99,
    kKernelInfoGetAttributeArrayInt64 = 163,
    kKernelContextParallelFor = 274,
  };

  bool is_fine(OrtStatus* status) const;
  void check(OrtStatus* status, const char* what) const;
  Shape shape_of(const OrtValue* value) const;

  const OrtApi* api_;
};

}  // namespace onnx2snn
