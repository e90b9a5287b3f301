package test

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/volume"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// composed is a supervisor of a Compose file. All that begins with @ in the text is put into
// its place.
func composed(t *testing.T, d *dockertest.Engine, text string, places ...string) dockertest.Spec {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pod.yml")
	text = strings.NewReplacer(append(places, "@kit", dockertest.Testkit)...).Replace(text)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	spec := d.Supervisor(t, map[string]string{pod.ComposeFile: "/pod.yml"})
	spec.Binds = append(spec.Binds, file+":/pod.yml:ro")
	return spec
}

// volumeName is one that nobody else has.
func volumeName() string { return "podlike-test-" + strings.ToLower(rand.Text()) }

// inspectVolume is all that the engine knows of a volume, and whether it is there.
func inspectVolume(t *testing.T, d *dockertest.Engine, name string) (v volume.Volume, there bool) {
	t.Helper()
	v, err := d.Client().VolumeInspect(t.Context(), name)
	if err != nil && !cerrdefs.IsNotFound(err) {
		t.Fatalf("cannot inspect volume %s: %v", name, err)
	}
	return v, err == nil
}

// put writes a file of that many bytes into a container.
func put(t *testing.T, d *dockertest.Engine, c *dockertest.Container, dir string, size int) error {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: fmt.Sprint("of", size), Mode: 0o644, Size: int64(size)}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	return d.Client().CopyToContainer(t.Context(), c.ID, dir, &archive, container.CopyToContainerOptions{})
}

// A volume that is to be a megabyte of memory is one, and no directory on the disk, also where
// pause makes it because its component may be restarted.
func TestAVolumeOfAFileIsMadeWithItsDriversOptionsAndLabels(t *testing.T) {
	t.Parallel()
	const text = `
services:
  web: {image: "@kit", command: sleep, restart: "@restart", volumes: ["mem:/data"]}
volumes:
  mem:
    name: "@name"
    driver: local
    driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}
    labels: {purpose: scratch}
`
	for _, restart := range []string{"no", "always"} {
		t.Run(restart, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			name := volumeName()
			s := run(t, d, composed(t, d, text, "@restart", restart, "@name", name))
			s.waitRunning(t)
			web := s.component(t, "web")
			mounts, _ := web.Exec(t, "/testkit", "cat", "/proc/mounts")
			if i := strings.Index(mounts, "tmpfs /data tmpfs "); i < 0 || !strings.Contains(strings.SplitN(mounts[i:], "\n", 2)[0], "size=1024k") {
				t.Errorf("its mounts are\n%s", mounts)
			}
			if err := put(t, d, web, "/data", 1<<19); err != nil {
				t.Errorf("half a megabyte does not fit: %v", err)
			}
			if err := put(t, d, web, "/data", 2<<20); err == nil || !strings.Contains(err.Error(), "no space left on device") {
				t.Errorf("two megabytes: %v", err)
			}
			v, there := inspectVolume(t, d, name)
			if !there || v.Driver != "local" || v.Options["o"] != "size=1m" || v.Labels["purpose"] != "scratch" || v.Labels[pod.LabelOwner] != s.ID {
				t.Errorf("the volume is %+v", v)
			}
			s.Stop(t, budget)
			if code := s.Wait(t); code != 0 {
				t.Errorf("exited with %d, want 0", code)
			}
			d.RemoveVolume(t, name) // which is data, and stays
			s.gone(t, 0)
		})
	}
}

const withExternal = `
services:
  web: {image: "@kit", command: sleep, volumes: ["data:/data"]}
  log: {image: "@kit", command: sleep}
volumes:
  data: {external: true, name: "@name"}
`

func TestAnExternalVolumeThatIsNotThereIsAnErrorAndNothingIsCreated(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"run", "-dry-run"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			name, began := volumeName(), time.Now()
			spec := composed(t, d, withExternal, "@name", name)
			spec.Cmd = flags
			s := run(t, d, spec)
			if code := s.Wait(t); code != 2 {
				t.Errorf("exited with %d, want 2", code)
			}
			want := "/pod.yml: services.web: line 3: volumes: the volume \"" + name + "\" is external and not there; " +
				"make it on this node with docker volume create " + name + ", or correct its name"
			if told := strings.ReplaceAll(s.Container.Output(t), `\"`, `"`); !strings.Contains(told, want) {
				t.Errorf("%s\nis not told in\n%s", want, told)
			}
			if made := madeBy(t, s, began); len(made) > 0 {
				t.Errorf("these were created: %q", made)
			}
			if _, there := inspectVolume(t, d, name); there {
				t.Error("the volume was made")
			}
		})
	}
}

func TestAnExternalVolumeIsUsedAsItIsAndStays(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	name := d.Volume(t, map[string]string{"whose": "theirs"})
	before, _ := inspectVolume(t, d, name)
	spec := dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"touch", "/data/here"}, Binds: []string{name + ":/data"}}
	if out := d.Output(t, spec); out != "" {
		t.Fatal(out)
	}
	s := run(t, d, composed(t, d, withExternal, "@name", name))
	s.waitRunning(t)
	if out, code := s.component(t, "web").Exec(t, "/testkit", "exists", "/data/here"); code != 0 {
		t.Errorf("what was in the volume is not there: %s", out)
	}
	s.terminated(t)
	after, there := inspectVolume(t, d, name)
	before.CreatedAt = after.CreatedAt // which the engine takes from the directory
	if !there || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the volume was %+v and is %+v", before, after)
	}
}

// withSecrets is a file that has secrets and configs of each kind.
const withSecrets = `
services:
  web:
    image: "@kit"
    command: sleep
    user: "7:8"
    secrets:
      - filed
      - {source: set, uid: "7", gid: "8", mode: 0400}
      - {source: filed, target: /etc/own.key, uid: "7", mode: 0440}
      - theirs
    configs:
      - {source: text, target: /etc/app.conf, mode: 0444}
      - {source: set, target: /etc/set.conf, uid: "9", gid: "10", mode: 0640}
      - {source: filed, target: /etc/filed.conf}
secrets:
  filed: {file: /given/secret}
  set: {environment: PASSWORD}
  theirs: {external: true}
configs:
  text: {content: "level=$${LEVEL}\n"}
  set: {environment: PASSWORD}
  filed: {file: /given/config}
`

// Whatever a file's secrets and configs come from, they are in memory and nowhere else, and
// belong to whom the component says.
func TestAFilesOwnSecretsAndConfigsAreHandedOnInMemory(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	dir := t.TempDir()
	for name, content := range map[string]string{"secret": "of a file", "config": "a config's", "theirs": "the service's"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	word := rand.Text()
	spec := composed(t, d, withSecrets)
	spec.Binds = append(spec.Binds, dir+":/given:ro", dir+"/theirs:/run/secrets/theirs:ro")
	spec.Env = []string{"PASSWORD=" + word}
	s := run(t, d, spec)
	s.waitRunning(t)
	web := s.component(t, "web")
	mounts, _ := web.Exec(t, "/testkit", "cat", "/proc/mounts")
	for _, file := range []struct{ path, content, stat string }{
		{"/run/secrets/filed", "of a file", "-r--r--r-- 0 0 9 "},
		{"/run/secrets/set", word, "-r-------- 7 8 26 "},
		{"/etc/own.key", "of a file", "-r--r----- 7 0 9 "},
		{"/run/secrets/theirs", "the service's", "-r--r--r-- 0 0 13 "},
		{"/etc/app.conf", "level=${LEVEL}\n", "-r--r--r-- 0 0 15 "},
		{"/etc/set.conf", word, ""}, // which is not for this user to read
		{"/etc/filed.conf", "a config's", "-r--r--r-- 0 0 10 "},
	} {
		if got, _ := web.Exec(t, "/testkit", "cat", file.path); got != file.content && file.stat != "" {
			t.Errorf("%s has %q, want %q", file.path, got, file.content)
		}
		want := file.stat
		if want == "" {
			want = "-rw-r----- 9 10 26 "
		}
		if got, _ := web.Exec(t, "/testkit", "stat", file.path); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %s, want %s", file.path, got, want)
		}
		if !slices.ContainsFunc(strings.Split(mounts, "\n"), func(line string) bool { return strings.HasPrefix(line, "tmpfs "+file.path+" tmpfs ") }) {
			t.Errorf("%s is not in memory:\n%s", file.path, mounts)
		}
	}
	for _, c := range d.Pod(t, s.ID) {
		if seen := fmt.Sprintf("%+v", d.Container(t, c.ID).Inspect(t)); strings.Contains(seen, word) {
			t.Errorf("the engine tells the secret of %q", c.Names)
		}
	}
	s.terminated(t)
}

// imageOf is testkit's image with changes, in the words of a Dockerfile.
func imageOf(t *testing.T, d *dockertest.Engine, changes ...string) (ref string) {
	t.Helper()
	ref = volumeName()
	base := d.Create(t, dockertest.Spec{Image: dockertest.Testkit}) // whose label it inherits, by which it is removed
	if _, err := d.Client().ContainerCommit(t.Context(), base.ID, container.CommitOptions{Reference: ref, Changes: changes}); err != nil {
		t.Fatalf("cannot make an image: %v", err)
	}
	return ref
}

// That only an image can say is known before anything has run, too.
func TestTheHealthOfWhatHasNoCheckIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	const text = `
services:
  web: {image: "@kit", command: sleep, depends_on: {db: {condition: service_healthy}}}
  db: {image: "@db", command: sleep health /up@more}
`
	for name, test := range map[string]struct {
		why     string
		changes string // of db's image
		more    string
		runs    bool
	}{
		"Without":  {"its image says nothing", "LABEL a=b", "", false},
		"None":     {"its image says that there is none", "HEALTHCHECK NONE", "", false},
		"Timing":   {"a timing is no check", "LABEL a=b", ", healthcheck: {interval: 1s}", false},
		"Liveness": {"that says nothing of its health", "LABEL a=b", ", x-pod: {livenessProbe: {exec: {command: [/testkit, exists, /up]}}}", false},
		"Image":    {"its image has a check", "HEALTHCHECK --interval=100ms CMD [\"/testkit\", \"exists\", \"/up\"]", "", true},
		"Own":      {"it has a check itself", "HEALTHCHECK NONE", ", healthcheck: {test: [CMD, /testkit, exists, /up], interval: 100ms}", true},
		"Ready":    {"a probe says it", "LABEL a=b", ", x-pod: {readinessProbe: {exec: {command: [/testkit, exists, /up]}}}", true},
		"Startup":  {"a probe says it", "LABEL a=b", ", x-pod: {startupProbe: {exec: {command: [/testkit, exists, /up]}}}", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			image, began := imageOf(t, d, test.changes), time.Now()
			s := run(t, d, composed(t, d, text, "@db", image, "@more", test.more))
			if test.runs {
				s.waitRunning(t)
				s.terminated(t)
				return
			}
			if code := s.Wait(t); code != 2 {
				t.Errorf("exited with %d, want 2: %s", code, test.why)
			}
			want := "/pod.yml: services.web: line 3: depends_on.db: will never be healthy, for neither it nor its image " + image +
				" has a health check; give db a healthcheck or a readinessProbe, or use service_started"
			if got := s.lastRecord(t).Why; got != want {
				t.Errorf("told\n%s\nwant\n%s", got, want)
			}
			if made := madeBy(t, s, began); len(made) > 0 {
				t.Errorf("these were created: %q", made)
			}
		})
	}
}

// warningsOf are what a supervisor has told of the settings.
func warningsOf(t *testing.T, s supervisor) (all []string) {
	t.Helper()
	for _, r := range s.records(t) {
		if r.Message == "check the settings" {
			all = append(all, r.Why)
		}
	}
	return all
}

func TestWhatIsDoubtfulIsToldOnceWhenThePodStarts(t *testing.T) {
	t.Parallel()
	const text = `
services:
  a: {image: "@web", command: sleep, stop_grace_period: 1m}
  b: {image: "@web", command: sleep, restart: always}
  c: {image: "@web", command: sleep, x-pod: {ports: [{name: web, containerPort: 81}]}}
  d: {image: "@web", command: exit 0}
  e: {image: "@kit", command: sleep, depends_on: {d: {condition: service_completed_successfully}}}
`
	d := dockertest.New(t)
	spec := composed(t, d, text, "@web", imageOf(t, d, "EXPOSE 80/tcp"))
	spec.StopTimeout = 5 * time.Second
	s := run(t, d, spec)
	s.waitRunning(t)
	s.component(t, "b").Kill(t, "KILL")
	s.waitFor(t, "component started", 7) // pause, all five, and b again
	want := []string{
		"/pod.yml: services.a: line 3: stop_grace_period: 1m is more than the pod has to stop, so that it is killed after 9.5s; " +
			"write the label pod.stop_grace_period: 1m, and stop_grace_period: 1m3s in the service",
		"stop_grace_period: the engine kills the pod after 5s, but it may take 10s by -stop-timeout; write stop_grace_period: 10s",
		"/pod.yml: services.b: line 4: image: 80/tcp, which it exposes, is a port of a (by its image), too, and the components of a pod share one network; " +
			"let one of them listen on another, and name that in x-pod.ports",
	}
	if got := warningsOf(t, s); !slices.Equal(got, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	out, code := s.Exec(t, "/supervisor", "inspect")
	if !strings.Contains(out, "components:") || code != 0 {
		t.Errorf("inspect exits with %d and prints\n%s", code, out)
	}
	s.terminated(t)
}

// The first mistake of a newcomer is a stack without the socket. None of these mends itself,
// so that nobody waits for the engine to come back.
func TestASupervisorThatReachesNoEngineSaysWhatToMount(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*dockertest.Spec)
		says   string
	}{
		"NoSocket": {func(s *dockertest.Spec) { s.Binds = nil }, " (mount its socket, or name another in DOCKER_HOST): the engine cannot be reached: no such file or directory"},
		"Directory": {func(s *dockertest.Spec) { s.Binds = []string{t.TempDir() + ":/var/run/docker.sock"} },
			": there is no socket but a file or directory, such as an engine makes of a path that is not there; mount the path that its socket has"},
		"User": {func(s *dockertest.Spec) { s.User = "1234:1234" },
			" (let this user have its socket: as root, or by the socket's group): the engine cannot be reached: permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			spec := d.Supervisor(t, components{"web": kit("sleep")}.labels())
			test.change(&spec)
			s := run(t, d, spec)
			if code := s.Wait(t); code != 1 {
				t.Errorf("exited with %d, want 1", code)
			}
			want := "supervisor: cannot reach the engine at unix:///var/run/docker.sock" + test.says + "\n"
			if told := s.Container.Output(t); told != want {
				t.Errorf("told\n%swant\n%s", told, want)
			}
		})
	}
}

// Who looks at a container that is there compares it with its own flags and its own time.
func TestAContainersTimesToStopAreLookedAtWithItsLabels(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	spec := d.Supervisor(t, components{"web": kit("sleep", "stop_grace_period: 1m")}.labels(), "-stop-timeout", "20s")
	spec.StopTimeout = 5 * time.Second
	s := run(t, d, spec)
	s.waitRunning(t)
	want := []string{
		"labels:1:1: warning: stop_grace_period: the engine kills the pod after 5s, but it may take 20s by -stop-timeout; write stop_grace_period: 20s",
		"pod.component.web:1:48: warning: stop_grace_period: 1m is more than the pod has to stop, so that it is killed after 19.5s; " +
			"write the label pod.stop_grace_period: 1m, and stop_grace_period: 1m3s in the service",
	}
	out, code := s.Exec(t, "/supervisor", "validate", s.Name)
	if got := strings.Split(strings.TrimSpace(out), "\n"); code != 0 || !slices.Equal(got, want) {
		t.Errorf("exits with %d and prints\n%s\nwant\n%s", code, out, strings.Join(want, "\n"))
	}
	s.terminatedWithin(t, 20*time.Second)
}
