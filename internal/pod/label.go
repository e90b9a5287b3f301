package pod

// The labels users write, on the supervisor's container and on volumes.
const (
	ComponentPrefix = "pod.component." // + name: one Compose service as YAML
	CopyPrefix      = "pod.copy."      // + name: files to hand on
	ComposeFile     = "pod.compose.file"
	InitComponents  = "pod.init.components" // a list of what ComponentPrefix has one of

	StopGracePeriod = "pod.stop_grace_period" // how long the whole pod may take to stop
	RestartBackoff  = "pod.restart_backoff"   // initial and cap, in YAML
	UnreadyMeans    = "pod.unready"           // ignore or unhealthy

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
)

// The roles of what we create.
const (
	RolePause     = "pause"
	RoleComponent = "component"
	// RoleDebug is a container that somebody looks at the pod with.
	RoleDebug = "debug"
	// RoleKiller is a container that ends what a probe or a hook has left running.
	RoleKiller = "killer"
	// RoleScratch is an anonymous volume: it goes when its container goes.
	RoleScratch = "scratch"
	// RoleData is a named volume: it is kept, as a user's own is.
	RoleData = "data"
)

// Labels that Swarm and Compose put on a task's container and on volumes.
const (
	SwarmTaskID    = "com.docker.swarm.task.id"
	SwarmServiceID = "com.docker.swarm.service.id"
	SwarmNodeID    = "com.docker.swarm.node.id"
	StackNamespace = "com.docker.stack.namespace"
	ComposeVolume  = "com.docker.compose.volume"
)

// An Owner is the supervisor a pod belongs to.
type Owner struct {
	ID      string // of its container
	Name    string // of its container, without the slash
	Service string // Swarm service ID, if any
	Task    string // Swarm task ID, if any
	Node    string // Swarm node ID, if any
	Version string // of our program
}

// ContainerName is what the component's container is called.
func (o Owner) ContainerName(component string) string {
	return o.Name + ".podlike." + component
}

// DebugName is what the container of a look at the pod is called, of which there may
// be several.
func (o Owner) DebugName(which string) string { return o.ContainerName("debug-" + which) }

// PauseName is what the pause container is called.
func (o Owner) PauseName() string { return o.Name + ".podlike-pause" }

// Labels are what everything of this pod carries.
func (o Owner) Labels(role string) map[string]string {
	all := map[string]string{
		LabelPod:     o.ID,
		LabelRole:    role,
		LabelOwner:   o.ID,
		LabelName:    o.Name,
		LabelVersion: o.Version,
	}
	for key, value := range map[string]string{LabelService: o.Service, LabelTask: o.Task, LabelNode: o.Node} {
		if value != "" {
			all[key] = value
		}
	}
	return all
}
