package component

import (
	"github.com/docker/docker/api/types/blkiodev"
	"github.com/docker/docker/api/types/container"
)

// A property is something that a component can say, and how it is said to the docker
// command line. VOLUME stands for a volume of the test's own.
type property struct {
	says  string   // in a label
	flags []string // of docker create
	// command replaces the words after the image.
	command []string
	// asks is for what the command line, or some version of it, cannot say.
	asks func(*container.Config, *container.HostConfig)
	// since is the version of the API that has it, if not all have.
	since string
	// unseen: inspect does not show it, or the engine of some kernels drops it.
	unseen bool
}

// properties are at least one for each key that shows in a container, and one for
// each form that the engine gets differently.
var properties = []property{
	{says: "annotations: {a.b: c}", flags: f("--annotation", "a.b=c"), since: "1.43"},
	{says: "blkio_config: {weight: 300}", flags: f("--blkio-weight", "300"), unseen: true},
	{says: "blkio_config: {weight_device: [{path: /dev/null, weight: 200}]}", flags: f("--blkio-weight-device", "/dev/null:200"), unseen: true},
	// The command line of 26.1 leaves out the next four, and names capabilities as told.
	{says: "blkio_config: {device_read_bps: [{path: /dev/null, rate: 1m}]}", asks: func(_ *container.Config, h *container.HostConfig) {
		h.BlkioDeviceReadBps = []*blkiodev.ThrottleDevice{{Path: "/dev/null", Rate: 1 << 20}}
	}, unseen: true},
	{says: "blkio_config: {device_write_bps: [{path: /dev/null, rate: 2097152}]}", asks: func(_ *container.Config, h *container.HostConfig) {
		h.BlkioDeviceWriteBps = []*blkiodev.ThrottleDevice{{Path: "/dev/null", Rate: 2 << 20}}
	}, unseen: true},
	{says: "blkio_config: {device_read_iops: [{path: /dev/null, rate: 100}]}", asks: func(_ *container.Config, h *container.HostConfig) {
		h.BlkioDeviceReadIOps = []*blkiodev.ThrottleDevice{{Path: "/dev/null", Rate: 100}}
	}, unseen: true},
	{says: "blkio_config: {device_write_iops: [{path: /dev/null, rate: '200'}, {path: /dev/zero, rate: 300}]}", asks: func(_ *container.Config, h *container.HostConfig) {
		h.BlkioDeviceWriteIOps = []*blkiodev.ThrottleDevice{{Path: "/dev/null", Rate: 200}, {Path: "/dev/zero", Rate: 300}}
	}, unseen: true},
	{says: "cap_add: [NET_ADMIN, cap_sys_time]", flags: f("--cap-add", "CAP_NET_ADMIN", "--cap-add", "CAP_SYS_TIME")},
	{says: "cap_add: [ALL]", flags: f("--cap-add", "ALL")},
	{says: "cap_drop: [ALL]", flags: f("--cap-drop", "ALL")},
	{says: "cap_drop: [CHOWN, MKNOD]", flags: f("--cap-drop", "CAP_CHOWN", "--cap-drop", "CAP_MKNOD")},
	{says: "cgroup: private", flags: f("--cgroupns", "private"), unseen: true},
	{says: "cgroup: host", flags: f("--cgroupns", "host"), unseen: true},
	{says: "command: serve :80", command: f("serve", ":80")},
	{says: "command: [sh, -c, 'a | b']", command: f("sh", "-c", "a | b")},
	{says: "cpu_count: 2", asks: func(_ *container.Config, h *container.HostConfig) { h.CPUCount = 2 }},
	{says: "cpu_percent: 50", asks: func(_ *container.Config, h *container.HostConfig) { h.CPUPercent = 50 }, unseen: true},
	{says: "cpu_period: 50000", flags: f("--cpu-period", "50000")},
	{says: "cpu_quota: 25000", flags: f("--cpu-quota", "25000")},
	{says: "cpu_rt_period: 1400us", flags: f("--cpu-rt-period", "1400"), unseen: true},
	{says: "cpu_rt_runtime: 95000", flags: f("--cpu-rt-runtime", "95000"), unseen: true},
	{says: "cpu_shares: 512", flags: f("--cpu-shares", "512")},
	{says: "cpus: '0.5'", flags: f("--cpus", "0.5")},
	{says: "cpus: 1.25", flags: f("--cpus", "1.25")},
	{says: "cpuset: 0-1", flags: f("--cpuset-cpus", "0-1")},
	{says: "deploy: {resources: {limits: {cpus: '0.7'}}}", flags: f("--cpus", "0.7")},
	{says: "deploy: {resources: {limits: {memory: 96m}}}", flags: f("--memory", "96m")},
	{says: "deploy: {resources: {limits: {pids: 77}}}", flags: f("--pids-limit", "77")},
	{says: "deploy: {resources: {reservations: {memory: 48m}}}", flags: f("--memory-reservation", "48m")},
	{says: "deploy: {resources: {reservations: {devices: [{capabilities: [gpu], count: 1}]}}}", asks: func(_ *container.Config, h *container.HostConfig) {
		h.DeviceRequests = []container.DeviceRequest{{Count: 1, Capabilities: [][]string{{"gpu"}}}}
	}},
	{says: "device_cgroup_rules: ['c 1:3 mr', 'a 7:* rmw']", flags: f("--device-cgroup-rule", "c 1:3 mr", "--device-cgroup-rule", "a 7:* rmw")},
	{says: "devices: [/dev/null]", flags: f("--device", "/dev/null")},
	{says: "devices: ['/dev/null:/dev/nothing']", flags: f("--device", "/dev/null:/dev/nothing")},
	{says: "devices: ['/dev/null:/dev/nothing:r']", flags: f("--device", "/dev/null:/dev/nothing:r")},
	{says: "devices: ['/dev/null:rw']", flags: f("--device", "/dev/null:rw")},
	{says: "devices: [{source: /dev/null, target: /dev/nothing, permissions: rm}]", flags: f("--device", "/dev/null:/dev/nothing:rm")},
	{says: "devices: [vendor.com/class=name]", asks: func(_ *container.Config, h *container.HostConfig) {
		h.DeviceRequests = []container.DeviceRequest{{Driver: "cdi", DeviceIDs: []string{"vendor.com/class=name"}}}
	}},
	{says: "entrypoint: /other", flags: f("--entrypoint", "/other")},
	{says: "entrypoint: []\ncommand: [/testkit, id]", asks: func(c *container.Config, _ *container.HostConfig) {
		c.Entrypoint, c.Cmd = []string{}, []string{"/testkit", "id"}
	}},
	{says: "env_file: testdata/a.env", flags: f("--env-file", "testdata/a.env")},
	{says: "env_file: [testdata/a.env, {path: testdata/b.env, format: raw}, {path: none, required: false}]", flags: f("--env-file", "testdata/a.env", "--env-file", "testdata/b.env")},
	{says: "env_file: testdata/a.env\nenvironment: {BOTH: own}", flags: f("--env-file", "testdata/a.env", "--env", "BOTH=own")},
	{says: "environment: {A: 1, B: 'two words', C: ''}", flags: f("--env", "A=1", "--env", "B=two words", "--env", "C=")},
	{says: "environment: [A=$B, OWN]", flags: f("--env", "A=$B", "--env", "OWN")},
	{says: "gpus: all", flags: f("--gpus", "all")},
	{says: "gpus: [{driver: nvidia, count: 2}]", flags: f("--gpus", "driver=nvidia,count=2")},
	{says: "gpus: [{device_ids: ['0', '1'], capabilities: [utility]}]", flags: f("--gpus", `"device=0,1","capabilities=utility"`)},
	{says: "group_add: [audio, 1000]", flags: f("--group-add", "audio", "--group-add", "1000")},
	{says: "healthcheck: {test: [CMD, /testkit, id]}", asks: func(c *container.Config, _ *container.HostConfig) {
		c.Healthcheck = &container.HealthConfig{Test: []string{"CMD", "/testkit", "id"}}
	}},
	{says: "healthcheck: {test: a || b, interval: 1m30s, timeout: 5s, retries: 4, start_period: 10s}", flags: f("--health-cmd", "a || b", "--health-interval", "1m30s", "--health-timeout", "5s", "--health-retries", "4", "--health-start-period", "10s")},
	{says: "healthcheck: {interval: 5s}", flags: f("--health-interval", "5s")},
	{says: "healthcheck: {disable: true}", flags: f("--no-healthcheck")},
	{says: "healthcheck: {test: a, start_interval: 1s}", flags: f("--health-cmd", "a", "--health-start-interval", "1s"), since: "1.44"},
	{says: "init: true", flags: f("--init")},
	{says: "init: false", flags: f("--init=false")},
	{says: "isolation: default", flags: f("--isolation", "default")},
	{says: "isolation: hyperv", flags: f("--isolation", "hyperv"), unseen: true},
	{says: "label_file: testdata/a.label", flags: f("--label-file", "testdata/a.label")},
	{says: "label_file: [testdata/a.label]\nlabels: {team: them}", flags: f("--label-file", "testdata/a.label", "--label", "team=them")},
	{says: "labels: {tier: front, bare: ''}", flags: f("--label", "tier=front", "--label", "bare")},
	{says: "labels: [a=b=c]", flags: f("--label", "a=b=c")},
	{says: "logging: {driver: none}", flags: f("--log-driver", "none")},
	{says: "logging: {driver: json-file, options: {max-size: 1m, max-file: 3}}", flags: f("--log-driver", "json-file", "--log-opt", "max-size=1m", "--log-opt", "max-file=3")},
	{says: "logging: {driver: local}", flags: f("--log-driver", "local")},
	{says: "mem_limit: 64m", flags: f("--memory", "64m")},
	{says: "mem_limit: 67108864\nmemswap_limit: 128m", flags: f("--memory", "64m", "--memory-swap", "128m")},
	{says: "mem_limit: 64m\nmemswap_limit: -1", flags: f("--memory", "64m", "--memory-swap", "-1")},
	{says: "mem_reservation: 32m", flags: f("--memory-reservation", "32m")},
	{says: "mem_swappiness: 60", flags: f("--memory-swappiness", "60"), unseen: true},
	{says: "mem_swappiness: 0", flags: f("--memory-swappiness", "0"), unseen: true},
	{says: "mem_limit: 64m\noom_kill_disable: true", flags: f("--memory", "64m", "--oom-kill-disable")},
	{says: "oom_score_adj: 500", flags: f("--oom-score-adj", "500")},
	{says: "oom_score_adj: 0", flags: f("--oom-score-adj", "0")},
	{says: "pids_limit: 50", flags: f("--pids-limit", "50")},
	{says: "pids_limit: -1", flags: f("--pids-limit", "-1"), unseen: true},
	{says: "platform: linux/x86_64", flags: f("--platform", "linux/amd64"), unseen: true},
	{says: "platform: linux/s390x", flags: f("--platform", "linux/s390x", "--pull", "never"), unseen: true},
	{says: "privileged: true", flags: f("--privileged")},
	{says: "read_only: true", flags: f("--read-only")},
	{says: "runtime: runc", flags: f("--runtime", "runc"), unseen: true},
	{says: "runtime: none-such", flags: f("--runtime", "none-such"), unseen: true},
	{says: "security_opt: [no-new-privileges]", flags: f("--security-opt", "no-new-privileges")},
	{says: "security_opt: [seccomp=unconfined, 'apparmor:unconfined']", flags: f("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor:unconfined")},
	{says: "security_opt: [seccomp=testdata/seccomp.json]", flags: f("--security-opt", "seccomp=testdata/seccomp.json")},
	{says: "security_opt: [systempaths=unconfined]", flags: f("--security-opt", "systempaths=unconfined")},
	{says: "shm_size: 16m", flags: f("--shm-size", "16m")},
	{says: "stdin_open: true", asks: func(c *container.Config, _ *container.HostConfig) { c.OpenStdin = true }},
	{says: "stop_grace_period: 1m30s", flags: f("--stop-timeout", "90")},
	{says: "stop_signal: SIGUSR1", flags: f("--stop-signal", "SIGUSR1")},
	{says: "storage_opt: {size: 1G}", flags: f("--storage-opt", "size=1G"), unseen: true},
	{says: "sysctls: {net.core.somaxconn: 1024}", flags: f("--sysctl", "net.core.somaxconn=1024")},
	{says: "sysctls: [kernel.msgmax=65536]", flags: f("--sysctl", "kernel.msgmax=65536")},
	{says: "tmpfs: /run", flags: f("--tmpfs", "/run")},
	{says: "tmpfs: [/run, '/tmp:rw,noexec,size=1m,mode=1770,uid=5']", flags: f("--tmpfs", "/run", "--tmpfs", "/tmp:rw,noexec,size=1m,mode=1770,uid=5")},
	{says: "tty: true", flags: f("--tty")},
	{says: "ulimits: {nofile: {soft: 1024, hard: 2048}}", flags: f("--ulimit", "nofile=1024:2048")},
	{says: "ulimits: {nproc: 100, core: 0}", flags: f("--ulimit", "core=0", "--ulimit", "nproc=100")},
	{says: "ulimits: {memlock: -1}", flags: f("--ulimit", "memlock=-1")},
	{says: "user: '1000:1000'", flags: f("--user", "1000:1000")},
	{says: "userns_mode: host", flags: f("--userns", "host")},
	{says: "uts: host", flags: f("--uts", "host")},
	{says: "volumes: [/data]", flags: f("--mount", "type=volume,dst=/data")},
	{says: "volumes: ['/tmp:/data']", flags: f("--volume", "/tmp:/data")},
	{says: "volumes: ['/tmp:/data:ro,z']", flags: f("--volume", "/tmp:/data:ro,z")},
	{says: "volumes: ['/tmp:/data:rslave']", flags: f("--volume", "/tmp:/data:rslave")},
	{says: "volumes: [VOLUME:/data]", flags: f("--mount", "type=volume,src=VOLUME,dst=/data")},
	{says: "volumes: ['VOLUME:/data:ro,nocopy']", flags: f("--mount", "type=volume,src=VOLUME,dst=/data,readonly,volume-nocopy")},
	{says: "volumes: [{type: volume, source: VOLUME, target: /data, volume: {labels: {a: b}}}]", flags: f("--mount", "type=volume,src=VOLUME,dst=/data,volume-label=a=b")},
	{says: "volumes: [{type: volume, source: VOLUME, target: /data, volume: {subpath: a/b}}]", flags: f("--mount", "type=volume,src=VOLUME,dst=/data,volume-subpath=a/b"), since: "1.45"},
	{says: "volumes: [{type: bind, source: /tmp, target: /data, bind: {create_host_path: false}}]", flags: f("--mount", "type=bind,src=/tmp,dst=/data")},
	{says: "volumes: [{type: bind, source: /none/such, target: /data, bind: {create_host_path: false}}]", flags: f("--mount", "type=bind,src=/none/such,dst=/data"), unseen: true},
	{says: "volumes: [{type: bind, source: /tmp, target: /data, bind: {create_host_path: false, propagation: shared, recursive: disabled}}]", flags: f("--mount", "type=bind,src=/tmp,dst=/data,bind-propagation=shared,bind-recursive=disabled")},
	{says: "volumes: [{type: bind, source: /tmp, target: /data, read_only: true, bind: {create_host_path: false, recursive: writable}}]", flags: f("--mount", "type=bind,src=/tmp,dst=/data,readonly,bind-recursive=writable")},
	{says: "volumes: [{type: bind, source: /tmp, target: /data, read_only: true, bind: {create_host_path: false, recursive: readonly, propagation: rprivate}}]", flags: f("--mount", "type=bind,src=/tmp,dst=/data,readonly,bind-recursive=readonly,bind-propagation=rprivate"), since: "1.44"},
	{says: "volumes: [{type: tmpfs, target: /data, tmpfs: {size: 1m, mode: 0700}}]", flags: f("--mount", "type=tmpfs,dst=/data,tmpfs-size=1m,tmpfs-mode=0700")},
	{says: "working_dir: /tmp", flags: f("--workdir", "/tmp")},
}

func f(words ...string) []string { return words }
