package template

import (
	"slices"

	"github.com/podlike/podlike/internal/source/compose"
)

// A Goes says who gets what a service says of a key.
type Goes int

// The ways there are. A key has exactly one.
const (
	// Unknown is no key of a service.
	Unknown Goes = iota
	// ToTask keys stay with the service: they are the pod's as a whole.
	ToTask
	// ToMain keys go to the main component.
	ToMain
	// ToBoth keys do both.
	ToBoth
	// Divided keys go here and there, as the note says.
	Divided
	// Idle keys do nothing on Swarm, and are left out with a warning.
	Idle
	// Refused keys fit nowhere.
	Refused
)

// A zero is what a template gets for a key that the service does not have.
type zero int

// The kinds of keys.
const (
	isText zero = iota
	isFlag
	isNumber
	isList
	isMapping
)

// A Row is what becomes of one key of a service that runs a pod.
type Row struct {
	Key  string
	Goes Goes
	zero zero
	Note string
}

// What several keys have to be said about them.
const (
	noBuild   = "nothing is built by docker stack deploy; name an image"
	byTarget  = "the main component has it by its name, where it was"
	ofVolumes = "the main component has them; those with a name are the task's, too, so that {{.Task.ID}} in their names works, " +
		"also where a template mounts one of the stack"
	onlyLocal = "Swarm ignores it; a pod shares its network anyway"
)

// Rows are all keys of a service, as the Compose specification has them.
var Rows = []Row{
	{"annotations", ToMain, isMapping, ""},
	{"attach", Idle, isFlag, "it is about the terminal of docker compose"},
	{"blkio_config", ToMain, isMapping, ""},
	{"build", Idle, isMapping, noBuild},
	{"cap_add", ToMain, isList, ""},
	{"cap_drop", ToMain, isList, ""},
	{"cgroup", ToMain, isText, ""},
	{"cgroup_parent", Idle, isText, "Swarm ignores it, and the pod decides about cgroups"},
	{"command", ToMain, isList, ""},
	{"configs", Divided, isList, "the task has them; " + byTarget},
	{"container_name", Idle, isText, "Swarm names its tasks itself"},
	{"cpu_count", ToMain, isNumber, ""},
	{"cpu_percent", ToMain, isNumber, ""},
	{"cpu_period", ToMain, isText, ""},
	{"cpu_quota", ToMain, isText, ""},
	{"cpu_rt_period", ToMain, isText, ""},
	{"cpu_rt_runtime", ToMain, isText, ""},
	{"cpu_shares", ToMain, isNumber, ""},
	{"cpus", ToMain, isText, ""},
	{"cpuset", ToMain, isText, ""},
	{"credential_spec", ToTask, isMapping, ""},
	{"depends_on", Divided, isMapping, "names of components go to the main component; those of other services do nothing on Swarm, which is a warning"},
	{"deploy", Divided, isMapping, "stays with the task; resources.limits are the main component's as well"},
	{"develop", Idle, isMapping, "it is about docker compose"},
	{"device_cgroup_rules", ToMain, isList, ""},
	{"devices", ToMain, isList, ""},
	{"dns", ToTask, isList, ""},
	{"dns_opt", ToTask, isList, ""},
	{"dns_search", ToTask, isList, ""},
	{"domainname", ToTask, isText, ""},
	{"entrypoint", ToMain, isList, ""},
	{"env_file", Divided, isList, "is read now, as docker stack deploy reads it, and becomes environment of the main component: the supervisor has no such file"},
	{"environment", Divided, isMapping, "the main component has it; a name without a value is the task's, too, for its value is the deployer's"},
	{"expose", Idle, isList, "all ports of a pod are open to who shares a network with it"},
	{"extends", Refused, isMapping, "is resolved when the stack is read"},
	{"external_links", Idle, isList, onlyLocal},
	{"extra_hosts", ToTask, isList, ""},
	{"gpus", ToMain, isList, ""},
	{"group_add", ToMain, isList, ""},
	{"healthcheck", ToMain, isMapping, "the supervisor has its own, which gets a start_period where one of a component is longer than 10 s"},
	{"hostname", ToTask, isText, ""},
	{"image", ToMain, isText, "a transformer's is stronger, for the service's is only the default of it"},
	{"init", ToMain, isFlag, ""},
	{"ipc", Idle, isText, "Swarm ignores it; run the supervisor with -ipc=true or -ipc=false, by a pod template"},
	{"isolation", ToMain, isText, ""},
	{"label_file", Refused, isList, "docker stack deploy knows no such file; write the labels under labels"},
	{"labels", Divided, isMapping, "both have them; Podlike's own are the task's alone"},
	{"links", Idle, isList, onlyLocal},
	{"logging", ToMain, isMapping, ""},
	{"mac_address", Idle, isText, "Swarm ignores it"},
	{"mem_limit", ToMain, isText, ""},
	{"mem_reservation", ToMain, isText, ""},
	{"mem_swappiness", ToMain, isNumber, ""},
	{"memswap_limit", ToMain, isText, ""},
	{"models", Refused, isMapping, "no model is run here; name the address of one in environment"},
	{"network_mode", Idle, isText, "docker stack deploy ignores it; name networks instead"},
	{"networks", ToTask, isMapping, ""},
	{"oom_kill_disable", ToMain, isFlag, ""},
	{"oom_score_adj", ToMain, isNumber, ""},
	{"pid", Idle, isText, "Swarm ignores it; run the supervisor with -pids=true or -pids=false, by a pod template"},
	{"pids_limit", ToMain, isNumber, ""},
	{"platform", ToMain, isText, ""},
	{"ports", ToTask, isList, ""},
	{"post_start", ToMain, isList, ""},
	{"pre_start", ToMain, isList, ""},
	{"pre_stop", ToMain, isList, ""},
	{"privileged", ToMain, isFlag, ""},
	{"profiles", Refused, isList, "docker stack deploy knows no profiles; leave out the service, or profiles"},
	{"provider", Refused, isMapping, "only docker compose has providers; name an image"},
	{"pull_policy", ToMain, isText, ""},
	{"pull_refresh_after", Refused, isText, "use pull_policy: always or missing"},
	{"read_only", ToMain, isFlag, ""},
	{"restart", Idle, isText, "Swarm restarts tasks as deploy.restart_policy says; for a restart within the pod let a transformer say restart"},
	{"runtime", ToMain, isText, ""},
	{"scale", Refused, isNumber, "write deploy.replicas"},
	{"secrets", Divided, isList, "the task has them; " + byTarget},
	{"security_opt", ToMain, isList, ""},
	{"shm_size", ToMain, isText, ""},
	{"stdin_open", ToMain, isFlag, ""},
	{"stop_grace_period", Divided, isText, "stays with the task; 3 s less are the pod's, in the label pod.stop_grace_period"},
	{"stop_signal", ToMain, isText, ""},
	{"storage_opt", ToMain, isMapping, ""},
	{"sysctls", ToMain, isMapping, ""},
	{"tmpfs", ToMain, isList, ""},
	{"tty", ToMain, isFlag, ""},
	{"ulimits", ToMain, isMapping, ""},
	{"umask", Refused, isText, "no engine has it; set it in the command: [sh, -c, umask 027 && exec /program]"},
	{"use_api_socket", Refused, isFlag, "mount the engine's socket under volumes"},
	{"user", ToMain, isText, ""},
	{"userns_mode", ToMain, isText, ""},
	{"uts", ToMain, isText, ""},
	{"volume_driver", Refused, isText, "declare the volume with its driver in the stack and mount it by name"},
	{"volumes", Divided, isList, ofVolumes},
	{"volumes_from", Refused, isList, "list what is to be mounted under volumes"},
	{"working_dir", ToMain, isText, ""},
}

// GoesWords say what the ways are, for the documentation.
var GoesWords = map[Goes]string{
	ToTask: "the task", ToMain: "the main component", ToBoth: "both", Divided: "both, divided", Idle: "nobody, with a warning", Refused: "nobody: an error",
}

// rowOf is the row of a key; it goes nowhere where there is none.
func rowOf(key string) Row {
	i := slices.IndexFunc(Rows, func(r Row) bool { return r.Key == key })
	if i < 0 {
		return Row{Key: key}
	}
	return Rows[i]
}

// rowKeys are the keys that have a row.
func rowKeys() []string {
	var all []string
	for _, r := range Rows {
		all = append(all, r.Key)
	}
	return all
}

// empty is what a template gets for a key that the service does not have.
func (z zero) empty() any {
	switch z {
	case isFlag:
		return false
	case isNumber:
		return 0
	case isList:
		return []any{}
	case isMapping:
		return map[string]any{}
	}
	return ""
}

// nearestKey is the key of a service that was probably meant.
func nearestKey(key string) string { return compose.Nearest(key, rowKeys()) }
