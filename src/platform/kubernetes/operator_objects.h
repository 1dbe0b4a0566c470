// What installs the operator: its account, what it may do, its Deployment. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "platform/kubernetes/value.h"

namespace keyway::platform::kubernetes {

inline constexpr std::string_view kOperatorName = "keyway-operator";
inline constexpr std::string_view kOperatorNamespace = "keyway-system";

struct OperatorObjects {
  std::string name_space = std::string(kOperatorNamespace);  // where it runs
  bool own_namespace_only = false;                           // what it watches; else all of them
  bool make_namespace = true;
  std::string image;
  Value replicas = 2;  // one leads, the others stand by
};

// In an order in which they can be applied, without the definition of KeywayCluster.
std::vector<Value> operator_objects(const OperatorObjects& given);

}  // namespace keyway::platform::kubernetes
