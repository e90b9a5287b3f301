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
	// Later keys make sense in a pod, but nothing is done with them yet.
	Later
)

// A Key is what is known of one key of a Compose service.
type Key struct {
	Use Use
	// Remedy tells the user of a Rejected key what to do instead.
	Remedy string
}

// What several keys have to be said about them.
const (
	onService  = "set it on the service, whose network the whole pod shares"
	handOn     = "give it to the service and hand it on with a pod.copy label"
	ownNetwork = "the components of a pod reach each other on 127.0.0.1"
	ownImage   = "build the image beforehand and name it with image"
)

// Keys are the keys of a Compose service, and what is done with each in a label.
// To support one that comes Later, change its Use and fill the component in
// reader.component.
var Keys = map[string]Key{
	"command":           {Use: Supported},
	"depends_on":        {Use: Supported},
	"entrypoint":        {Use: Supported},
	"environment":       {Use: Supported},
	"healthcheck":       {Use: Supported},
	"image":             {Use: Supported},
	"labels":            {Use: Supported},
	"stop_grace_period": {Use: Supported},
	"stop_signal":       {Use: Supported},
	"tty":               {Use: Supported},
	"user":              {Use: Supported},
	"volumes":           {Use: Supported},
	"working_dir":       {Use: Supported},

	"attach":  {Use: Ignored}, // both are about the terminal of who runs docker compose
	"develop": {Use: Ignored},

	"build":          {Rejected, ownImage},
	"cgroup_parent":  {Rejected, "the pod decides about cgroups; leave it out"},
	"configs":        {Rejected, handOn},
	"container_name": {Rejected, "the name is made of the supervisor's and the component's; leave it out"},
	"dns":            {Rejected, onService},
	"dns_opt":        {Rejected, onService},
	"dns_search":     {Rejected, onService},
	"domainname":     {Rejected, onService},
	"expose":         {Rejected, ownNetwork + "; leave it out"},
	"extends":        {Rejected, "write the component out; YAML anchors work within a label"},
	"external_links": {Rejected, "connect the service to the other container's network"},
	"extra_hosts":    {Rejected, onService},
	"hostname":       {Rejected, onService},
	"ipc":            {Rejected, "run the supervisor with -ipc=true or -ipc=false"},
	"links":          {Rejected, ownNetwork + "; leave it out"},
	"mac_address":    {Rejected, onService},
	"network_mode":   {Rejected, onService},
	"networks":       {Rejected, onService},
	"pid":            {Rejected, "run the supervisor with -pids=true or -pids=false"},
	"ports":          {Rejected, "publish them on the service"},
	"scale":          {Rejected, "set deploy.replicas on the service to have more pods"},
	"secrets":        {Rejected, handOn},
	"volume_driver":  {Rejected, "declare the volume with its driver in the stack and mount it by name"},
	"volumes_from":   {Rejected, "list what is to be mounted under volumes"},

	"annotations":         {Use: Later},
	"blkio_config":        {Use: Later},
	"cap_add":             {Use: Later},
	"cap_drop":            {Use: Later},
	"cgroup":              {Use: Later},
	"cpu_count":           {Use: Later},
	"cpu_percent":         {Use: Later},
	"cpu_period":          {Use: Later},
	"cpu_quota":           {Use: Later},
	"cpu_rt_period":       {Use: Later},
	"cpu_rt_runtime":      {Use: Later},
	"cpu_shares":          {Use: Later},
	"cpus":                {Use: Later},
	"cpuset":              {Use: Later},
	"credential_spec":     {Use: Later},
	"deploy":              {Use: Later},
	"device_cgroup_rules": {Use: Later},
	"devices":             {Use: Later},
	"env_file":            {Use: Later},
	"gpus":                {Use: Later},
	"group_add":           {Use: Later},
	"init":                {Use: Later},
	"isolation":           {Use: Later},
	"label_file":          {Use: Later},
	"logging":             {Use: Later},
	"mem_limit":           {Use: Later},
	"mem_reservation":     {Use: Later},
	"mem_swappiness":      {Use: Later},
	"memswap_limit":       {Use: Later},
	"models":              {Use: Later},
	"oom_kill_disable":    {Use: Later},
	"oom_score_adj":       {Use: Later},
	"pids_limit":          {Use: Later},
	"platform":            {Use: Later},
	"post_start":          {Use: Later},
	"pre_start":           {Use: Later},
	"pre_stop":            {Use: Later},
	"privileged":          {Use: Later},
	"profiles":            {Use: Later},
	"provider":            {Use: Later},
	"pull_policy":         {Use: Later},
	"pull_refresh_after":  {Use: Later},
	"read_only":           {Use: Later},
	"restart":             {Use: Later},
	"runtime":             {Use: Later},
	"security_opt":        {Use: Later},
	"shm_size":            {Use: Later},
	"stdin_open":          {Use: Later},
	"storage_opt":         {Use: Later},
	"sysctls":             {Use: Later},
	"tmpfs":               {Use: Later},
	"ulimits":             {Use: Later},
	"umask":               {Use: Later},
	"use_api_socket":      {Use: Later},
	"userns_mode":         {Use: Later},
	"uts":                 {Use: Later},
}

// Forms that several places have.
const (
	flag     = "true or false"
	duration = "a duration such as 10s or 1m30s"
	words    = "a string or a list of strings"
	plain    = "plain text, a number, true or false"
)

// forms say what a value has to look like, by its place in the service: 0 is any
// item of a list, and * any entry of a mapping whose names are the user's. A place
// without a form has that of what holds it.
var forms = map[string]string{
	"command":                       words,
	"command.0":                     "a string",
	"depends_on":                    "a list of names, or a mapping such as {db: {condition: service_healthy}}",
	"depends_on.*":                  "a mapping such as {condition: service_healthy}",
	"depends_on.0":                  "the name of a component",
	"depends_on.condition":          "service_started or service_healthy",
	"depends_on.required":           flag,
	"depends_on.restart":            flag,
	"entrypoint":                    words,
	"entrypoint.0":                  "a string",
	"environment":                   "a mapping of names to values, or a list of NAME=value",
	"environment.*":                 plain,
	"environment.0":                 "NAME=value with no space before the =",
	"healthcheck":                   "a mapping such as {test: [CMD, /check], interval: 10s}",
	"healthcheck.disable":           flag,
	"healthcheck.interval":          duration,
	"healthcheck.retries":           "a whole number",
	"healthcheck.start_period":      duration,
	"healthcheck.test":              "a string, or a list such as [CMD, /check] or [CMD-SHELL, check now]",
	"healthcheck.timeout":           duration,
	"image":                         "a string",
	"labels":                        "a mapping of names to values, or a list of name=value",
	"labels.*":                      plain,
	"labels.0":                      "name=value",
	"stop_grace_period":             duration,
	"stop_signal":                   "a string such as SIGTERM",
	"tty":                           flag,
	"user":                          "a string",
	"volumes":                       "a list of volumes, such as [data:/data]",
	"volumes.0":                     "SOURCE:TARGET, or a mapping with type, source and target",
	"volumes.bind.create_host_path": flag,
	"volumes.read_only":             flag,
	"volumes.source":                "a string",
	"volumes.target":                "a string",
	"volumes.tmpfs.mode":            "a number such as 01777",
	"volumes.tmpfs.size":            "a size such as 64m",
	"volumes.type":                  "bind, volume or tmpfs",
	"volumes.volume.nocopy":         flag,
	"working_dir":                   "a string",
}
