package docker

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/mount"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
)

func TestConfigSaysWhatRuns(t *testing.T) {
	grace := 1
	got := config(engine.Container{
		Image: "app", Entrypoint: []string{"/app"}, Command: []string{"serve"}, Env: []string{"A=b"}, WorkingDir: "/srv",
		User: "nobody", Labels: map[string]string{"a": "b"}, StopSignal: "SIGQUIT", StopGrace: 300 * time.Millisecond,
		TTY: true, Stdin: true, Health: &engine.Check{Test: []string{"CMD", "true"}, Interval: time.Second, Retries: 2},
	})
	want := &container.Config{
		Image: "app", Entrypoint: []string{"/app"}, Cmd: []string{"serve"}, Env: []string{"A=b"}, WorkingDir: "/srv",
		User: "nobody", Labels: map[string]string{"a": "b"}, StopSignal: "SIGQUIT", StopTimeout: &grace,
		Tty: true, OpenStdin: true, StdinOnce: true, AttachStdin: true,
		Healthcheck: &container.HealthConfig{Test: []string{"CMD", "true"}, Interval: time.Second, Retries: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHostSaysHowItIsRun(t *testing.T) {
	score := -5
	for name, test := range map[string]struct {
		why  string
		c    engine.Container
		want container.HostConfig
	}{
		"Nothing": {"whoever dies, the engine removes it", engine.Container{}, container.HostConfig{}},
		"Joined": {
			"a namespace is joined by the ID of its owner", engine.Container{Network: "n", PID: "p", IPC: "i"},
			container.HostConfig{NetworkMode: "container:n", PidMode: "container:p", IpcMode: "container:i"},
		},
		"Shared": {"the engine's default cannot be joined", engine.Container{ShareIPC: true}, container.HostConfig{IpcMode: "shareable"}},
		"Score":  {"a score may be below zero", engine.Container{OOMScoreAdj: &score}, container.HostConfig{OomScoreAdj: -5}},
		"Locked": {
			"only what is named is left", engine.Container{Locked: true, Capabilities: []string{"KILL"}},
			container.HostConfig{CapDrop: []string{"ALL"}, CapAdd: []string{"KILL"}, ReadonlyRootfs: true, SecurityOpt: []string{"no-new-privileges"}},
		},
		"Bind": {
			"in the short form a missing path is made",
			engine.Container{Mounts: []engine.Mount{{Type: engine.BindMount, Source: "/a", Target: "/b"}}},
			container.HostConfig{Binds: []string{"/a:/b"}},
		},
		"BindWithOptions": {
			"in the order that the engine documents",
			engine.Container{Mounts: []engine.Mount{{Type: engine.BindMount, Source: "/a", Target: "/b", ReadOnly: true, Propagation: "rslave", SELinux: "Z"}}},
			container.HostConfig{Binds: []string{"/a:/b:ro,rslave,Z"}},
		},
		"BindOfAColon": {
			"the short form has no way to write one",
			engine.Container{Mounts: []engine.Mount{{Type: engine.BindMount, Source: "/a:1", Target: "/b", Propagation: "rshared"}}},
			container.HostConfig{Mounts: []mount.Mount{{Type: "bind", Source: "/a:1", Target: "/b", BindOptions: &mount.BindOptions{Propagation: "rshared", CreateMountpoint: true}}}},
		},
		"Volume": {
			"labels are for a volume that the engine has to make",
			engine.Container{Mounts: []engine.Mount{{Type: engine.VolumeMount, Source: "data", Target: "/b", Labels: map[string]string{"a": "b"}, NoCopy: true}}},
			container.HostConfig{Mounts: []mount.Mount{{Type: "volume", Source: "data", Target: "/b", VolumeOptions: &mount.VolumeOptions{Labels: map[string]string{"a": "b"}, NoCopy: true}}}},
		},
		"VolumeOfMemory": {
			"the engine's own driver mounts it",
			engine.Container{Mounts: []engine.Mount{{Type: engine.VolumeMount, Target: "/b", Options: map[string]string{"type": "tmpfs"}}}},
			container.HostConfig{Mounts: []mount.Mount{{Type: "volume", Target: "/b", VolumeOptions: &mount.VolumeOptions{DriverConfig: &mount.Driver{Name: "local", Options: map[string]string{"type": "tmpfs"}}}}}},
		},
		"Tmpfs": {
			"it has no source", engine.Container{Mounts: []engine.Mount{{Type: engine.TmpfsMount, Target: "/b", Size: 9, Mode: 0o700}}},
			container.HostConfig{Mounts: []mount.Mount{{Type: "tmpfs", Target: "/b", TmpfsOptions: &mount.TmpfsOptions{SizeBytes: 9, Mode: os.FileMode(0o700)}}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.want.AutoRemove = true
			if diff := cmp.Diff(&test.want, host(test.c)); diff != "" {
				t.Errorf("%s\n%s", test.why, diff)
			}
		})
	}
}

func TestSecondsAreRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]int{0: 0, time.Millisecond: 1, time.Second: 1, 1001 * time.Millisecond: 2} {
		if got := seconds(d); got != want {
			t.Errorf("%v is %d s, want %d", d, got, want)
		}
	}
}

func TestAnEmptyValueFiltersByTheKeyAlone(t *testing.T) {
	args := withLabels(map[string]string{"any": "", "one": "value"})
	if !args.ExactMatch("label", "any") || !args.ExactMatch("label", "one=value") || args.Len() != 1 {
		t.Errorf("got %v", args)
	}
}

// As one that is inspected does.
func TestWhatIsPausedOrAboutToBeRestartedIsListedAsRunning(t *testing.T) {
	for state, want := range map[container.ContainerState]engine.Seen{
		container.StateCreated: {Created: true}, container.StateRunning: {Running: true}, container.StatePaused: {Running: true},
		container.StateRestarting: {Running: true}, container.StateRemoving: {}, container.StateExited: {}, container.StateDead: {},
	} {
		if got := listed(container.Summary{State: state}); got.Running != want.Running || got.Created != want.Created {
			t.Errorf("%s is listed as %+v", state, got)
		}
	}
}

func TestSeenIsAContainerInOurWords(t *testing.T) {
	inspected := container.InspectResponse{
		ContainerJSONBase: &container.ContainerJSONBase{
			ID: "id", Name: "/web", Path: "/app", Args: []string{"serve"},
			HostConfig: &container.HostConfig{OomScoreAdj: 7, NetworkMode: "container:n", PidMode: "host", IpcMode: "shareable"},
			State:      &container.State{Running: true, Health: &container.Health{Status: "healthy"}},
		},
		Config: &container.Config{Image: "app", Hostname: "host", Labels: map[string]string{"a": "b"}},
		Mounts: []container.MountPoint{
			{Type: "volume", Name: "data", Source: "/docker/data", Destination: "/data", RW: true},
			{Type: "bind", Source: "/a", Destination: "/b", Propagation: "rslave"},
		},
	}
	want := engine.Seen{
		ID: "id", Name: "web", Image: "app", Labels: map[string]string{"a": "b"}, Running: true, Health: engine.Healthy,
		Hostname: "host", Argv: []string{"/app", "serve"}, Network: "n", OOMScoreAdj: 7, Modes: engine.Modes{Network: "container:n", PID: "host", IPC: "shareable"},
		Mounts: []engine.Mounted{
			{Type: engine.VolumeMount, Name: "data", Source: "/docker/data", Target: "/data"},
			{Type: engine.BindMount, Source: "/a", Target: "/b", ReadOnly: true, Propagation: "rslave"},
		},
	}
	if diff := cmp.Diff(want, seen(inspected)); diff != "" {
		t.Error(diff)
	}
	if got := want.Volumes(); !cmp.Equal(got, []string{"data"}) {
		t.Errorf("its volumes are %q", got)
	}
	timeout := 75
	inspected.Config.StopTimeout = &timeout
	inspected.State = &container.State{ExitCode: 3, Health: &container.Health{Status: "none"}}
	if got := seen(inspected); got.Running || got.ExitCode != 3 || got.Health != engine.NoHealth || got.StopTimeout != 75*time.Second {
		t.Errorf("got %+v", got)
	}
}

func TestWhyACheckFailsIsInTheLogThatTheEngineKeeps(t *testing.T) {
	result := func(code int, said string) *container.HealthcheckResult {
		return &container.HealthcheckResult{ExitCode: code, Output: said}
	}
	const (
		noShell = `OCI runtime exec failed: exec failed: unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown`
		noTool  = `OCI runtime exec failed: exec failed: container_linux.go:380: starting container process caused: exec: "curl": executable file not found in $PATH`
		locked  = `OCI runtime exec failed: exec failed: unable to start container process: exec: "/etc": permission denied: unknown`
		says    = `sh: exec: no such file or directory`
		late    = `Health check exceeded timeout (1s): exec: no such file or directory`
	)
	shell, direct := []string{"CMD-SHELL", "curl localhost"}, []string{"CMD", "curl", "localhost"}
	for name, row := range map[string]struct {
		why  string
		test []string
		log  []*container.HealthcheckResult
		want engine.FailedCheck
	}{
		"None":      {"there is no check", []string{"NONE"}, nil, engine.FailedCheck{}},
		"Unchecked": {"it is not even said that there is none", nil, nil, engine.FailedCheck{}},
		"Empty":     {"what the test is, is not said", []string{}, []*container.HealthcheckResult{result(1, "one")}, engine.FailedCheck{Code: 1, Said: "one"}},
		"Well":      {"it passes", direct, []*container.HealthcheckResult{result(0, "fine")}, engine.FailedCheck{}},
		"Last":      {"it is the last one", direct, []*container.HealthcheckResult{result(1, "one"), result(2, "two")}, engine.FailedCheck{Code: 2, Said: "two"}},
		"Recovered": {"it has passed since the sign", direct, []*container.HealthcheckResult{result(1, "one"), result(0, "two")}, engine.FailedCheck{Code: 1, Said: "one"}},
		"Late":      {"it has no code", shell, []*container.HealthcheckResult{result(-1, late)}, engine.FailedCheck{Code: -1, Said: late, Shell: true}},
		"NoShell":   {"there is no shell", shell, []*container.HealthcheckResult{result(-1, noShell)}, engine.FailedCheck{Code: -1, Said: noShell, NoCommand: true, Shell: true}},
		"NoTool":    {"there is no such program", direct, []*container.HealthcheckResult{result(-1, noTool)}, engine.FailedCheck{Code: -1, Said: noTool, NoCommand: true}},
		"NotRun":    {"it is there and cannot be run", direct, []*container.HealthcheckResult{result(-1, locked)}, engine.FailedCheck{Code: -1, Said: locked}},
		"Says":      {"the test says that, and not the engine", shell, []*container.HealthcheckResult{result(127, says)}, engine.FailedCheck{Code: 127, Said: says, Shell: true}},
		"Nothing":   {"an engine may leave one out", direct, []*container.HealthcheckResult{result(1, ""), nil}, engine.FailedCheck{Code: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			inspected := container.InspectResponse{
				ContainerJSONBase: &container.ContainerJSONBase{
					HostConfig: &container.HostConfig{}, State: &container.State{Health: &container.Health{Status: "unhealthy", Log: row.log}},
				},
				Config: &container.Config{},
			}
			if row.test != nil {
				inspected.Config.Healthcheck = &container.HealthConfig{Test: row.test}
			}
			if diff := cmp.Diff(row.want, seen(inspected).FailedCheck); diff != "" {
				t.Errorf("%s:\n%s", row.why, diff)
			}
		})
	}
}

func TestListedKnowsAContainersOwnName(t *testing.T) {
	got := listed(container.Summary{ID: "id", Image: "app", State: "running", Names: []string{"/other/alias", "/web"}, Labels: map[string]string{"a": "b"}})
	want := engine.Seen{ID: "id", Name: "web", Image: "app", Running: true, Labels: map[string]string{"a": "b"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnImageIsCheckedWhenItHasATest(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		check string
		want  bool
	}{
		"None":     {"there is nothing to ask", `null`, false},
		"Timing":   {"a timing alone asks nothing", `{"Interval": 1000000000}`, false},
		"Disabled": {"it was switched off", `{"Test": ["NONE"]}`, false},
		"Command":  {"it has one", `{"Test": ["CMD", "true"]}`, true},
	} {
		var inspected image.InspectResponse
		answer := `{"Id": "id", "Config": {"Volumes": {"/data": {}}, "ExposedPorts": {"53/udp": {}, "80": {}}, "Healthcheck": ` + test.check + `}}`
		if err := json.Unmarshal([]byte(answer), &inspected); err != nil {
			t.Fatal(err)
		}
		got := imageSeen(inspected)
		slices.Sort(got.Ports)
		if want := []string{"53/udp", "80/tcp"}; !cmp.Equal(got.Ports, want) {
			t.Errorf("%s: its ports are %q, want %q", name, got.Ports, want)
		}
		if got.Checked != test.want || got.ID != "id" || !cmp.Equal(got.Volumes, []string{"/data"}) {
			t.Errorf("%s: got %+v: %s", name, got, test.why)
		}
	}
	if got := imageSeen(image.InspectResponse{ID: "id"}); got.Checked || got.Volumes != nil {
		t.Errorf("got %+v of an image that says nothing", got)
	}
}

// The texts are those of runc and crun.
func TestAStartsFailureTellsWhoseFaultItIs(t *testing.T) {
	for name, test := range map[string]struct {
		why, said string
		kind      error
	}{
		"NotInPath":    {"runc, a bare name", `OCI runtime create failed: exec: "nope": executable file not found in $PATH: unknown`, engine.ErrNoCommand},
		"NoFile":       {"runc, a path", `OCI runtime create failed: exec: "/nope": stat /nope: no such file or directory: unknown`, engine.ErrNoCommand},
		"NoPermission": {"a file without the x bit", `OCI runtime create failed: exec: "/data": permission denied: unknown`, engine.ErrCannotExecute},
		"Directory":    {"runc, newer", `OCI runtime create failed: exec: "/": is a directory: unknown`, engine.ErrCannotExecute},
		"Format":       {"another machine's program", `OCI runtime create failed: exec /app: exec format error`, engine.ErrCannotExecute},
		"NewerFile":    {"runc 1.2, a script's interpreter", `exec /app.sh: no such file or directory`, engine.ErrNoCommand},
		"Device":       {"no command is missing", `error gathering device information while adding custom device "/dev/none": no such file or directory`, nil},
		"Mount":        {"nor here", `OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting "/a" to rootfs at "/b": stat /a: permission denied: unknown`, nil},
		"Other":        {"the engine's fault", "cannot join network of a non running container: abc", nil},
	} {
		t.Run(name, func(t *testing.T) {
			err := startFail(t.Context(), errors.New("Error response from daemon: "+test.said), "0123456789abcdef")
			for _, kind := range []error{engine.ErrNoCommand, engine.ErrCannotExecute, engine.ErrNotFound} {
				if errors.Is(err, kind) != (kind == test.kind) {
					t.Errorf("got %v, want %v: %s", err, test.kind, test.why)
				}
			}
			if text := err.Error(); !strings.HasPrefix(text, "cannot start container 0123456789ab: ") ||
				!strings.HasSuffix(text, test.said) || strings.Contains(text, "daemon") {
				t.Errorf("it says %q", text)
			}
		})
	}
	if startFail(t.Context(), nil, "id") != nil {
		t.Error("no failure is one")
	}
}

func TestFollowAddsUpTheLayers(t *testing.T) {
	said := `{"status":"Pulling from app"}
{"status":"Downloading","id":"a","progressDetail":{"current":10,"total":100}}
{"status":"Downloading","id":"b","progressDetail":{"current":5,"total":50}}
{"status":"Downloading","id":"a","progressDetail":{"current":60,"total":100}}
`
	var got []engine.Progress
	if err := follow(json.NewDecoder(strings.NewReader(said)), func(p engine.Progress) { got = append(got, p) }); err != nil {
		t.Fatal(err)
	}
	want := []engine.Progress{
		{Status: "Pulling from app"},
		{Status: "Downloading", Done: 10, Total: 100},
		{Status: "Downloading", Done: 15, Total: 150},
		{Status: "Downloading", Done: 65, Total: 150},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFollowReportsWhatEndsAPull(t *testing.T) {
	for why, said := range map[string]string{
		"manifest unknown": `{"status":"Pulling"}{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}`,
		"unexpected EOF":   `{"status":"Pull`,
	} {
		err := follow(json.NewDecoder(strings.NewReader(said)), func(engine.Progress) {})
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("got %v, want %s", err, why)
		}
	}
}
