// What onnxruntime, and onnx2snn's Python part, call.

#include <exception>
#include <string>

#include "kernels.h"
#include "pooling_operator.h"
#include "step_operator.h"

#if defined(ONNX2SNN_HAS_ONEDNN)
#include "weighted_operator.h"
#endif

#if defined(_WIN32)
#define ONNX2SNN_EXPORT extern "C" __declspec(dllexport)
#else
#define ONNX2SNN_EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace {

constexpr const char* kDomain = "ai.onnx2snn";

// The operators live as long as the process: sessions refer to them.
const onnx2snn::Operators& operators() {
  static const onnx2snn::Operators* all = [] {
    auto* made = new onnx2snn::Operators();
    onnx2snn::add_step_operators(*made);
    onnx2snn::add_pooling_operator(*made);
#if defined(ONNX2SNN_HAS_ONEDNN)
    onnx2snn::add_weighted_operators(*made);
#endif
    return made;
  }();
  return *all;
}

OrtCustomOpDomain* domain_of_all(const onnx2snn::Onnxruntime& ort) {
  OrtCustomOpDomain* domain = ort.make_domain(kDomain);
  for (const auto& op : operators()) ort.add_operator(domain, op.get());
  return domain;
}

}  // namespace

// Called by a session that registers the library. An onnxruntime too old for it gets no operators:
// the functions in the file run instead.
ONNX2SNN_EXPORT OrtStatus* RegisterCustomOps(OrtSessionOptions* options, const OrtApiBase* base) {
  const OrtApi* api = base->GetApi(onnx2snn::kApiVersion);
  if (api == nullptr) return nullptr;
  const onnx2snn::Onnxruntime ort(api);
  try {
    static OrtCustomOpDomain* domain = domain_of_all(ort);
    ort.add_domain(options, domain);
    return nullptr;
  } catch (const std::exception& error) {
    return ort.make_status(error.what());
  } catch (...) {
    return ort.make_status("the operators of onnx2snn cannot be registered");
  }
}

// The name of the instruction set that the kernels use here.
ONNX2SNN_EXPORT const char* onnx2snn_instruction_set() { return onnx2snn::chosen_instruction_set().name; }

// The version of the package that the library was built from.
ONNX2SNN_EXPORT const char* onnx2snn_version() { return ONNX2SNN_VERSION; }

// Name and version of what multiplies weights here, and how; empty where the library has neurons only.
ONNX2SNN_EXPORT const char* onnx2snn_multiplies() {
#if defined(ONNX2SNN_HAS_ONEDNN)
  static const std::string name = onnx2snn::multiplying_library();
  return name.c_str();
#else
  return "";
#endif
}

// How many threads multiply weights, in the whole process; 0 for one a core.
ONNX2SNN_EXPORT void onnx2snn_set_threads(int threads) {
#if defined(ONNX2SNN_HAS_ONEDNN)
  onnx2snn::set_multiplying_threads(threads);
#else
  (void)threads;
#endif
}
