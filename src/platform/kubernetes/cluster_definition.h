// The CustomResourceDefinition of KeywayCluster: what Kubernetes itself checks of a document before anybody
// sees it, what `kubectl get` shows, and what `kubectl scale` changes. The fields are those of docs/spec.md;
// their bounds are the planner's own. Pure; any thread.
#pragma once

#include "platform/kubernetes/value.h"

namespace keyway::platform::kubernetes {

// Rules between fields are written in CEL, which Kubernetes has from 1.25 on; kubectl refuses to send them to
// older ones, for which `kubernetes_minor` leaves them out.
Value cluster_definition(int kubernetes_minor);

inline constexpr int kFirstMinorWithRules = 25;
inline constexpr int kPresentMinor = 30;  // what is assumed if nobody says

}  // namespace keyway::platform::kubernetes
