package status

import "time"

// A Pod is how a pod is at one moment, in Kubernetes' words where it has them.
type Pod struct {
	Name string `json:"name"`
	// ID is that of the supervisor's container.
	ID     string `json:"id"`
	Phase  Phase  `json:"phase"`
	Health string `json:"health"`
	// Message says why it goes down, or has. Empty: it does not.
	Message string    `json:"message,omitempty"`
	Started time.Time `json:"startTime,omitzero"`
	// Stopping is when it began to go down.
	Stopping time.Time `json:"stopTime,omitzero"`
	// Cgroup is the control group that all of it is in.
	Cgroup *Cgroup `json:"cgroup,omitempty"`
	// Conditions in the order of their types below.
	Conditions []Condition `json:"conditions,omitempty"`
	// Components are those of Init in their order, then the others, in that of their names.
	Components []Component `json:"components,omitempty"`
}

// Cgroup is a pod's control group.
type Cgroup struct {
	// Way is how the pod has come by it: nested, mount, dbus or helper; off: it has none.
	Way string `json:"way"`
	// Why says why it has none.
	Why string `json:"why,omitempty"`
	// Path is where it is, from the root of the machine's hierarchy.
	Path string `json:"path,omitempty"`
	// Limits are what all of the pod may use together. Zeros limit nothing.
	Limits Limits `json:"limits"`
}

// Limits are those of a control group.
type Limits struct {
	Memory int64   `json:"memoryBytes,omitempty"`
	Swap   *int64  `json:"swapBytes,omitempty"` // beside the memory
	CPUs   float64 `json:"cpus,omitempty"`
	Pids   int64   `json:"pids,omitempty"`
	CPUSet string  `json:"cpuset,omitempty"`
}

// Phase is where a pod is in its life.
type Phase string

// The phases. A pod is Running from the first start of a component on that is not
// initial; it has Failed when its exit code is not 0.
const (
	Pending   Phase = "Pending"
	Running   Phase = "Running"
	Succeeded Phase = "Succeeded"
	Failed    Phase = "Failed"
)

// A Condition is something that is true of a pod or not.
type Condition struct {
	Type   ConditionType `json:"type"`
	Status bool          `json:"status"`
	// Reason is one word for why it is not, Message names the components in the way.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	// Since is when Status changed last.
	Since time.Time `json:"lastTransitionTime,omitzero"`
}

// ConditionType is one of Kubernetes' conditions.
type ConditionType string

// The conditions, in the order in which a pod comes to fulfil them.
const (
	PodReadyToStartContainers ConditionType = "PodReadyToStartContainers" // pause runs
	Initialized               ConditionType = "Initialized"               // all init components are done, all sidecars have begun
	ContainersReady           ConditionType = "ContainersReady"           // all but init components are ready, or done
	Ready                     ConditionType = "Ready"                     // and it does not go down
	EngineReachable           ConditionType = "EngineReachable"           // the engine answers
)

// The reasons of conditions.
const (
	ContainersNotInitialized = "ContainersNotInitialized"
	ContainersNotReady       = "ContainersNotReady"
	PodCompleted             = "PodCompleted" // it has succeeded
	PodFailed                = "PodFailed"
	EngineUnreachable        = "EngineUnreachable" // nothing is decided until it answers again
)

// A Component is how one component is.
type Component struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Image is as its user has written it.
	Image string `json:"image"`
	// Container is the ID of its last container. Empty: there was none yet.
	Container string `json:"containerID,omitempty"`
	// Ready: it can do its work; or has done it, of an init component.
	Ready bool `json:"ready"`
	// Started: it runs, postStart is done, and the startup probe has passed.
	Started bool `json:"started"`
	// Restarts is how often it was run again.
	Restarts int `json:"restartCount"`
	// State is how it is now, Last how its run before this one ended.
	State State `json:"state"`
	Last  State `json:"lastState,omitzero"`
}

// Role is what a component is in its pod.
type Role string

// The roles.
const (
	Init    Role = "init"
	Sidecar Role = "sidecar"
	Main    Role = "component"
)

// A State is exactly one of the three; none where there is nothing to say.
type State struct {
	Waiting    *StateWaiting    `json:"waiting,omitempty"`
	Running    *StateRunning    `json:"running,omitempty"`
	Terminated *StateTerminated `json:"terminated,omitempty"`
}

// StateWaiting is that of a component that does not run yet, or not again yet.
type StateWaiting struct {
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
}

// StateRunning is that of a component that runs.
type StateRunning struct {
	Since time.Time `json:"startedAt"`
	// Message is what keeps it from being ready, or why it is asked to end. Empty: nothing
	// does, or it goes with the pod.
	Message string `json:"message,omitempty"`
	// Stopping: it is asked to end, or is about to be.
	Stopping bool `json:"stopping,omitempty"`
}

// StateTerminated is that of a component that has ended.
type StateTerminated struct {
	// Code is -1 where the end could not be learned.
	Code int `json:"exitCode"`
	// Signal is the number of the one that ended it. Zero: none did.
	Signal int    `json:"signal,omitempty"`
	Reason string `json:"reason"`
	// Limit is whose limit of memory has ended it, "pod" or "component", and LimitBytes how much that
	// is. Empty: none has, or it is not known whose.
	Limit      string `json:"limit,omitempty"`
	LimitBytes int64  `json:"limitBytes,omitempty"`
	// Message is its termination message, or what kept it from being started, or why it
	// was ended, or of one that failed and says nothing its last output.
	Message string `json:"message,omitempty"`
	// Unhealthy is why its health check said no. Empty: it did not, or that is not known.
	Unhealthy string    `json:"unhealthy,omitempty"`
	Started   time.Time `json:"startedAt,omitzero"`
	Finished  time.Time `json:"finishedAt,omitzero"`
	// Last are its last lines of output.
	Last []string `json:"lastLines,omitempty"`
}

// The reasons of StateWaiting.
const (
	ImagePull         = "ImagePull"         // its image is fetched
	DependsOn         = "DependsOn"         // another component has to come first
	PodInitializing   = "PodInitializing"   // init components are not done
	ContainerCreating = "ContainerCreating" // it is its turn, for the first time or again
	CrashLoopBackOff  = "CrashLoopBackOff"  // it has ended and is run again later
)

// The reasons of StateTerminated.
const (
	Completed   = "Completed"   // with exit code 0
	Error       = "Error"       // with another
	OOMKilled   = "OOMKilled"   // it wanted more memory than it may use
	CannotStart = "CannotStart" // it has not run at all
)
