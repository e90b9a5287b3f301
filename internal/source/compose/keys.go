package compose

// Use says what becomes of a key of a Compose service.
type Use int

// The uses. A key is in exactly one of them.
const (
	// Unknown is no key of a Compose service at all.
	Unknown Use = iota
	// Supported keys reach the component.
	Supported
	// Ignored keys are allowed and do nothing.
	Ignored
	// Rejected keys make no sense in a pod.
	Rejected
)

// A Key is what is known of one key of a Compose service.
type Key struct {
	Use Use
	// Note tells the user of a Rejected key what to do instead, and of any other what
	// its name does not say.
	Note string
}

// What several keys have to be said about them.
const (
	onService  = "set it on the service, whose network the whole pod shares"
	ofTasks    = "set it on the service, whose tasks are the pods"
	ownNetwork = "the components of a pod reach each other on 127.0.0.1"
	ownImage   = "build the image beforehand and name it with image"
	policies   = "use pull_policy: always or missing"

	inSupervisor = "paths are in the supervisor"
	onWindows    = "for engines on Windows"
	ownLimit     = "the supervisor's own binds all components together; with -pod-cgroup=off, or where that cannot be had, it is lowered to that with a warning"
	inDeploy     = "may be said in deploy.resources instead; " + ownLimit

	handedOn = ", and in the component unless it has a target; kept in memory; " +
		"uid, gid and mode are the supervisor's unless said otherwise"
)

// What is too long for a line of the table.
const (
	ofResources = "reservations of cpus and generic_resources are for a scheduler and do nothing here, as with docker compose; " +
		"reserve them on the service"
	ofPreStart = "each becomes a component NAME.pre-start-1 and so on that has to succeed; " +
		"volumes without a name are each one's own; per_replica does nothing, for a pod is one"
	ofVolumes = "host paths and volumes are the engine's; " +
		"bind.recursive: readonly needs Docker Engine 25.0, volume.subpath 26.0; consistency does nothing"
)

// Keys are the keys of a Compose service, and those of its deploy, and what is done
// with each in a label; in a file what is known and not Supported is ignored. The
// reference page is made of them, by go generate.
//
//go:generate go test -run TestThePageShowsTheKeys -update .
var Keys = map[string]Key{
	"annotations":           {Supported, "needs Docker Engine 24.0"},
	"blkio_config":          {Use: Supported},
	"cap_add":               {Use: Supported},
	"cap_drop":              {Use: Supported},
	"cgroup":                {Use: Supported},
	"command":               {Use: Supported},
	"cpu_count":             {Supported, onWindows},
	"cpu_percent":           {Supported, onWindows},
	"cpu_period":            {Use: Supported},
	"cpu_quota":             {Supported, ownLimit},
	"cpu_rt_period":         {Use: Supported},
	"cpu_rt_runtime":        {Use: Supported},
	"cpu_shares":            {Use: Supported},
	"cpus":                  {Supported, inDeploy},
	"cpuset":                {Use: Supported},
	"depends_on":            {Supported, "required: false is about names that are not there, too; restart: true restarts the component after the other one"},
	"configs":               {Supported, "of the supervisor: /NAME there" + handedOn},
	"deploy":                {Supported, "of it only resources and restart_policy"},
	"deploy.resources":      {Supported, ofResources},
	"deploy.restart_policy": {Supported, "counts where restart is not said; delay and window do nothing, for pod.restart_backoff says how long to wait"},
	"device_cgroup_rules":   {Use: Supported},
	"devices":               {Supported, "SOURCE:PERMISSIONS works as well, and the names of CDI devices"},
	"entrypoint":            {Use: Supported},
	"env_file":              {Supported, inSupervisor + "; format: raw takes values as they are, quotes and $ included"},
	"environment":           {Supported, "a name without a value has the supervisor's"},
	"gpus":                  {Use: Supported},
	"group_add":             {Use: Supported},
	"healthcheck":           {Supported, "start_interval needs Docker Engine 25.0"},
	"image":                 {Use: Supported},
	"init":                  {Supported, "does nothing where the PID namespace is shared: there pause does its work"},
	"isolation":             {Supported, onWindows + "; others know default only"},
	"label_file":            {Supported, inSupervisor},
	"labels":                {Use: Supported},
	"logging":               {Use: Supported},
	"mem_limit":             {Supported, inDeploy},
	"mem_reservation":       {Supported, inDeploy},
	"mem_swappiness":        {Use: Supported},
	"memswap_limit":         {Supported, ownLimit},
	"oom_kill_disable":      {Use: Supported},
	"oom_score_adj":         {Supported, "one above the supervisor's unless said otherwise"},
	"pids_limit":            {Supported, inDeploy},
	"platform":              {Use: Supported},
	"post_start":            {Supported, "those that depend on the component wait for it; a failure kills the component"},
	"pre_start":             {Supported, ofPreStart},
	"pre_stop":              {Supported, "not run when the component ends by itself"},
	"privileged":            {Use: Supported},
	"pull_policy":           {Supported, "stronger than the supervisor's -pull; where components with one image disagree, one that pulls is enough"},
	"read_only":             {Use: Supported},
	"restart":               {Supported, "without it the end of the component ends the pod; unless-stopped is always"},
	"runtime":               {Use: Supported},
	"secrets":               {Supported, "of the supervisor: /run/secrets/NAME there" + handedOn},
	"security_opt":          {Supported, "a seccomp profile is a path in the supervisor"},
	"shm_size":              {Supported, "where IPC is shared there is but one /dev/shm, and the largest size counts"},
	"stdin_open":            {Use: Supported},
	"stop_grace_period":     {Supported, "at most the time the whole pod has to stop"},
	"stop_signal":           {Use: Supported},
	"storage_opt":           {Use: Supported},
	"sysctls":               {Supported, "those of a shared namespace, such as net.*, hold for the whole pod"},
	"tmpfs":                 {Use: Supported},
	"tty":                   {Use: Supported},
	"ulimits":               {Use: Supported},
	"user":                  {Use: Supported},
	"userns_mode":           {Use: Supported},
	"uts":                   {Use: Supported},
	"volumes":               {Supported, ofVolumes},
	"working_dir":           {Use: Supported},

	"attach":  {Ignored, "it is about the terminal of docker compose"},
	"develop": {Ignored, "it is about the terminal of docker compose"},

	"build":                  {Rejected, ownImage},
	"cgroup_parent":          {Rejected, "the pod decides about cgroups; leave it out"},
	"container_name":         {Rejected, "the name is made of the supervisor's and the component's; leave it out"},
	"credential_spec":        {Rejected, "it is for Windows; leave it out"},
	"deploy.endpoint_mode":   {Rejected, ofTasks},
	"deploy.labels":          {Rejected, ofTasks + "; the component's own are labels"},
	"deploy.mode":            {Rejected, ofTasks},
	"deploy.placement":       {Rejected, ofTasks},
	"deploy.replicas":        {Rejected, ofTasks},
	"deploy.rollback_config": {Rejected, ofTasks},
	"deploy.update_config":   {Rejected, ofTasks},
	"dns":                    {Rejected, onService},
	"dns_opt":                {Rejected, onService},
	"dns_search":             {Rejected, onService},
	"domainname":             {Rejected, onService},
	"expose":                 {Rejected, ownNetwork + "; leave it out"},
	"extends":                {Rejected, "write the component out; YAML anchors work within a label"},
	"external_links":         {Rejected, "connect the service to the other container's network"},
	"extra_hosts":            {Rejected, onService},
	"hostname":               {Rejected, onService},
	"ipc":                    {Rejected, "run the supervisor with -ipc=true or -ipc=false"},
	"links":                  {Rejected, ownNetwork + "; leave it out"},
	"mac_address":            {Rejected, onService},
	"models":                 {Rejected, "no model is run here; name the address of one in environment"},
	"network_mode":           {Rejected, onService},
	"networks":               {Rejected, onService},
	"pid":                    {Rejected, "run the supervisor with -pids=true or -pids=false"},
	"ports":                  {Rejected, "publish them on the service"},
	"profiles":               {Rejected, "a component that is named is run; leave out the component, or profiles"},
	"provider":               {Rejected, "only docker compose has providers; name an image"},
	"pull_refresh_after":     {Rejected, policies},
	"scale":                  {Rejected, "set deploy.replicas on the service to have more pods"},
	"umask":                  {Rejected, "no engine has it; set it in the command: [sh, -c, umask 027 && exec /program]"},
	"use_api_socket":         {Rejected, "mount the engine's socket under volumes"},
	"volume_driver":          {Rejected, "declare the volume with its driver in the stack and mount it by name"},
	"volumes_from":           {Rejected, "list what is to be mounted under volumes"},
}

// Form says what the value of a Supported key looks like, in words that follow "must be".
func Form(key string) string { return forms[key] }

// form is what has to be at the first of the paths of which that is known.
func form(paths ...string) string {
	for _, path := range paths {
		if form, known := forms[path]; known {
			return form
		}
	}
	return "something else"
}

// Forms that several places have.
const (
	flag     = "true or false"
	duration = "a duration such as 10s or 1m30s"
	words    = "a string or a list of strings"
	plain    = "plain text, a number, true or false"
	integral = "a whole number"
	micros   = "microseconds or a duration such as 950ms"
	size     = "a size such as 64m"
	listing  = "a list of strings"
	pairs    = "a mapping of names to values, or a list of name=value"
	cores    = "a number such as 0.5"
	owner    = "the number of a user or a group, such as \"1000\""
	modes    = "a mode such as 0440"
	devs     = "a list of mappings such as {path: /dev/sda, rate: 1m}"
)

// forms say what a value has to look like, by its place in the service: 0 is any
// item of a list, and * any entry of a mapping whose names are the user's. A place
// without a form has that of what holds it.
var forms = map[string]string{
	"annotations":                          pairs,
	"annotations.*":                        plain,
	"annotations.0":                        "name=value",
	"blkio_config":                         "a mapping such as {weight: 300}",
	"blkio_config.device_read_bps":         devs,
	"blkio_config.device_read_bps.rate":    size,
	"blkio_config.device_read_iops":        devs,
	"blkio_config.device_read_iops.rate":   integral,
	"blkio_config.device_write_bps":        devs,
	"blkio_config.device_write_bps.rate":   size,
	"blkio_config.device_write_iops":       devs,
	"blkio_config.device_write_iops.rate":  integral,
	"blkio_config.weight":                  "a whole number from 10 to 1000",
	"blkio_config.weight_device":           "a list of mappings such as {path: /dev/sda, weight: 300}",
	"cap_add":                              listing,
	"cap_add.0":                            "a string",
	"cap_drop":                             listing,
	"cap_drop.0":                           "a string",
	"cgroup":                               "host or private",
	"command":                              words,
	"command.0":                            "a string",
	"configs":                              "a list of names, or of mappings such as {source: app.conf, target: /etc/app.conf}",
	"configs.0":                            "a name, or a mapping such as {source: app.conf, target: /etc/app.conf}",
	"configs.gid":                          owner,
	"configs.mode":                         modes,
	"configs.source":                       "a string",
	"configs.target":                       "a string",
	"configs.uid":                          owner,
	"cpu_count":                            integral,
	"cpu_percent":                          "a whole number from 0 to 100",
	"cpu_period":                           integral,
	"cpu_quota":                            integral,
	"cpu_rt_period":                        micros,
	"cpu_rt_runtime":                       micros,
	"cpu_shares":                           integral,
	"cpus":                                 cores,
	"cpuset":                               "a string such as 0-2,5",
	"depends_on":                           "a list of names, or a mapping such as {db: {condition: service_healthy}}",
	"depends_on.*":                         "a mapping such as {condition: service_healthy}",
	"depends_on.0":                         "the name of a component",
	"depends_on.condition":                 "service_started, service_healthy or service_completed_successfully",
	"depends_on.required":                  flag,
	"depends_on.restart":                   flag,
	"deploy":                               "a mapping such as {resources: {limits: {memory: 64m}}}",
	"deploy.resources":                     "a mapping such as {limits: {cpus: 0.5, memory: 64m, pids: 100}}",
	"deploy.resources.limits.cpus":         cores,
	"deploy.resources.limits.memory":       size,
	"deploy.resources.limits.pids":         integral,
	"deploy.resources.reservations.cpus":   cores,
	"deploy.resources.reservations.memory": size,
	"deploy.restart_policy":                "a mapping such as {condition: on-failure, max_attempts: 3}",
	"deploy.restart_policy.condition":      "none, on-failure or any",
	"deploy.restart_policy.delay":          duration,
	"deploy.restart_policy.max_attempts":   integral,
	"deploy.restart_policy.window":         duration,
	"device_cgroup_rules":                  listing,
	"device_cgroup_rules.0":                "a string",
	"devices":                              "a list of devices, such as [/dev/fuse]",
	"devices.0":                            "SOURCE:TARGET:PERMISSIONS, or a mapping with source, target and permissions",
	"entrypoint":                           words,
	"entrypoint.0":                         "a string",
	"env_file":                             "a path, or a list of paths",
	"env_file.0":                           "a path, or a mapping such as {path: /run/app.env, required: false}",
	"env_file.required":                    flag,
	"environment":                          "a mapping of names to values, or a list of NAME=value",
	"environment.*":                        plain,
	"environment.0":                        "NAME=value with no space before the =",
	"gpus":                                 "all, or a list of mappings such as {driver: nvidia, count: 1}",
	"gpus.0":                               "a mapping such as {driver: nvidia, count: 1}, with count or device_ids",
	"gpus.count":                           "a whole number or all",
	"group_add":                            "a list of names or numbers",
	"group_add.0":                          "a name or a number",
	"healthcheck":                          "a mapping such as {test: [CMD, /check], interval: 10s}",
	"healthcheck.disable":                  flag,
	"healthcheck.interval":                 duration,
	"healthcheck.retries":                  integral,
	"healthcheck.start_interval":           duration,
	"healthcheck.start_period":             duration,
	"healthcheck.test":                     "a string, or a list such as [CMD, /check] or [CMD-SHELL, check now]",
	"healthcheck.timeout":                  duration,
	"image":                                "a string",
	"init":                                 flag,
	"isolation":                            "a string such as hyperv",
	"label_file":                           "a path, or a list of paths",
	"label_file.0":                         "a string",
	"labels":                               pairs,
	"labels.*":                             plain,
	"labels.0":                             "name=value",
	"logging":                              "a mapping such as {driver: json-file, options: {max-size: 1m}}",
	"logging.driver":                       "a string such as json-file",
	"logging.options.*":                    "plain text or a number",
	"mem_limit":                            size,
	"mem_reservation":                      size,
	"mem_swappiness":                       "a whole number from 0 to 100",
	"memswap_limit":                        "a size such as 64m, or -1",
	"oom_kill_disable":                     flag,
	"oom_score_adj":                        "a whole number from -1000 to 1000",
	"pids_limit":                           integral,
	"platform":                             "os/architecture such as linux/arm64",
	"post_start":                           "a list of mappings such as {command: [/notify, up]}",
	"post_start.0":                         "a mapping such as {command: [/notify, up]}",
	"post_start.command":                   words,
	"post_start.environment":               "a mapping of names to values, or a list of NAME=value",
	"post_start.privileged":                flag,
	"post_start.user":                      "a string",
	"post_start.working_dir":               "a string",
	"pre_start":                            "a list of mappings such as {command: [/migrate]}",
	"pre_start.0":                          "a mapping such as {command: [/migrate]}",
	"pre_stop":                             "a list of mappings such as {command: [/notify, down]}",
	"pre_stop.0":                           "a mapping such as {command: [/notify, down]}",
	"pre_stop.command":                     words,
	"pre_stop.environment":                 "a mapping of names to values, or a list of NAME=value",
	"pre_stop.privileged":                  flag,
	"pre_stop.user":                        "a string",
	"pre_stop.working_dir":                 "a string",
	"privileged":                           flag,
	"pull_policy":                          "always, missing or never",
	"read_only":                            flag,
	"restart":                              "no, always, on-failure, on-failure:3 or unless-stopped",
	"runtime":                              "a string such as runc",
	"secrets":                              "a list of names, or of mappings such as {source: key, target: app.key}",
	"secrets.0":                            "a name, or a mapping such as {source: key, target: app.key}",
	"secrets.gid":                          owner,
	"secrets.mode":                         modes,
	"secrets.source":                       "a string",
	"secrets.target":                       "a string",
	"secrets.uid":                          owner,
	"security_opt":                         listing,
	"security_opt.0":                       "a string",
	"shm_size":                             size,
	"stdin_open":                           flag,
	"stop_grace_period":                    duration,
	"stop_signal":                          "a string such as SIGTERM",
	"storage_opt":                          "a mapping such as {size: 10G}",
	"storage_opt.*":                        "a string",
	"sysctls":                              pairs,
	"sysctls.*":                            plain,
	"sysctls.0":                            "name=value",
	"tmpfs":                                words,
	"tmpfs.0":                              "TARGET or TARGET:OPTIONS",
	"tty":                                  flag,
	"ulimits":                              "a mapping such as {nproc: 100, nofile: {soft: 1024, hard: 2048}}",
	"ulimits.*":                            "a whole number, or a mapping such as {soft: 1024, hard: 2048}",
	"user":                                 "a string",
	"userns_mode":                          "a string such as host",
	"uts":                                  "a string such as host",
	"volumes":                              "a list of volumes, such as [data:/data]",
	"volumes.0":                            "SOURCE:TARGET, or a mapping with type, source and target",
	"volumes.bind.create_host_path":        flag,
	"volumes.bind.recursive":               "enabled, disabled, writable or readonly",
	"volumes.read_only":                    flag,
	"volumes.source":                       "a string",
	"volumes.target":                       "a string",
	"volumes.tmpfs.mode":                   "a number such as 01777",
	"volumes.tmpfs.size":                   "a size such as 64m",
	"volumes.type":                         "bind, volume or tmpfs",
	"volumes.volume.labels":                pairs,
	"volumes.volume.nocopy":                flag,
	"volumes.volume.subpath":               "a string",
	"working_dir":                          "a string",
}
