package pod

import "strings"

// The labels users write, on the supervisor's container and on volumes.
const (
	ComponentPrefix = "pod.component." // + name: one Compose service as YAML
	CopyPrefix      = "pod.copy."      // + name: files to hand on
	ComposeFile     = "pod.compose.file"
	Project         = "pod.project"         // put before the names of a Compose file's volumes
	InitComponents  = "pod.init.components" // a list of what ComponentPrefix has one of

	StopGracePeriod = "pod.stop_grace_period" // how long the whole pod may take to stop
	RestartBackoff  = "pod.restart_backoff"   // initial and cap, in YAML
	UnreadyMeans    = "pod.unready"           // ignore or unhealthy
	OOMGroup        = "pod.oom_group"         // true or false: whether the pod ends when the kernel kills one of its processes for lack of memory
	MakeKnown       = "pod.hosts"             // true or false: whether components find each other by name

	// VolumeRef on a volume is the name by which components refer to it.
	VolumeRef = "com.github.rycus86.podlike.volume-ref"
)

// The labels we write, on everything we create. They hold all that a successor or
// a sweep has to know; there is no state file.
const (
	LabelPod       = "podlike.pod"       // ID of the supervisor's container
	LabelRole      = "podlike.role"      // pause, component or debug
	LabelComponent = "podlike.component" // the component's name
	LabelOwner     = "podlike.owner"     // ID of the container that manages it
	LabelName      = "podlike.name"      // name of the supervisor's container
	LabelService   = "podlike.service"   // ID of the Swarm service, if any
	LabelTask      = "podlike.task"      // ID of the Swarm task, if any
	LabelNode      = "podlike.node"      // ID of the Swarm node, if any
	LabelVersion   = "podlike.version"   // ours
	LabelHash      = "podlike.hash"      // of the component's definition
	LabelRun       = "podlike.run"       // number of the component's run, from 1
	LabelLife      = "podlike.life"      // of a pod whose pause was started by hand: when that was
)

// The roles of what we create.
const (
	RolePause     = "pause"
	RoleComponent = "component"
	// RoleDebug is a container that somebody looks at the pod with.
	RoleDebug = "debug"
	// RoleHelper is a container that does what the supervisor cannot: it ends what a probe or
	// a hook has left running, or writes names.
	RoleHelper = "helper"
	// RoleKeeper is a helper that makes, reads and removes the pod's control group, and so is in
	// none of the pod's.
	RoleKeeper = "keeper"
	// RoleScratch is an anonymous volume: it goes when its container goes.
	RoleScratch = "scratch"
	// RoleData is a named volume: it is kept, as a user's own is.
	RoleData = "data"
)

// Labels that Swarm and Compose put on a task's container and on volumes.
const (
	SwarmTaskID    = "com.docker.swarm.task.id"
	SwarmServiceID = "com.docker.swarm.service.id"
	SwarmService   = "com.docker.swarm.service.name"
	SwarmNodeID    = "com.docker.swarm.node.id"
	StackNamespace = "com.docker.stack.namespace"
	ComposeVolume  = "com.docker.compose.volume"
)

// An Owner is the container a pod belongs to: its supervisor's, or in a pair the pause that a
// user has started by hand, whoever supervises.
type Owner struct {
	ID      string // of its container
	Name    string // of its container, without the slash
	Service string // Swarm service ID, if any
	Task    string // Swarm task ID, if any
	Node    string // Swarm node ID, if any
	Version string // of our program
	// Life is when the pause of a pair was started: its containers are of that life. Empty: the
	// supervisor makes its pause itself, and that is the pod's only life.
	Life string
	// Cgroup is what the engine makes the pod's containers below: a path, or systemd's name for it.
	// Empty: the engine's own place.
	Cgroup string
}

// Paired reports whether the pod is that of a pause which was started by hand.
func (o Owner) Paired() bool { return o.Life != "" }

// ContainerName is what the component's container is called.
func (o Owner) ContainerName(component string) string {
	return o.Name + componentMark + component
}

// NextName is what the container of a component is called until the one that it replaces has
// gone. No component can have that name.
func (o Owner) NextName(component string) string { return o.Name + ".podlike-next." + component }

// DebugName is what the container of a look at the pod is called, of which there may
// be several.
func (o Owner) DebugName(which string) string { return o.ContainerName("debug-" + which) }

// PauseName is what the pause container is called.
func (o Owner) PauseName() string { return o.Name + pauseMark }

// HelperPrefix is what the names of helpers begin with.
const HelperPrefix = "podlike-"

// What the names of the others end with, behind that of their owner. Before debug's last part it
// is not the end.
const (
	componentMark = ".podlike."
	pauseMark     = ".podlike-pause"
	debugMark     = componentMark + "debug-"
)

// IsOurs tells whether a container of that name and with those labels is one that we have
// made. Labels alone do not tell: who makes an image of a component (docker commit) and runs
// it has them on a container of their own.
func IsOurs(name string, labels map[string]string) bool {
	switch labels[LabelRole] {
	case RolePause:
		return strings.HasSuffix(name, pauseMark)
	case RoleComponent:
		return labels[LabelComponent] != "" && strings.HasSuffix(name, componentMark+labels[LabelComponent])
	case RoleDebug:
		return strings.Contains(name, debugMark)
	case RoleHelper, RoleKeeper:
		return strings.HasPrefix(name, HelperPrefix)
	}
	return false
}

// Labels are what everything of this pod carries.
func (o Owner) Labels(role string) map[string]string {
	all := map[string]string{
		LabelPod:     o.ID,
		LabelRole:    role,
		LabelOwner:   o.ID,
		LabelName:    o.Name,
		LabelVersion: o.Version,
	}
	for key, value := range map[string]string{LabelService: o.Service, LabelTask: o.Task, LabelNode: o.Node, LabelLife: o.Life} {
		if value != "" {
			all[key] = value
		}
	}
	return all
}
