package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/labels"
)

// As a task of a Swarm sees its own: a secret and a config at paths of their own.
const taskMounts = `75 48 0:39 / / rw,nodev,noatime master:2 - fuse.fuse-overlayfs fuse-overlayfs rw,user_id=0
77 75 0:43 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
94 75 254:0 /var/lib/docker/containers/38af/hosts /etc/hosts rw,relatime - ext4 /dev/vda rw
95 75 254:0 /run/docker.sock /var/run/docker.sock rw,relatime - ext4 /dev/vda rw
97 75 0:40 /de84w5 /etc/conf/tls.key ro,relatime master:3 - tmpfs tmpfs ro
98 75 0:40 /kqbkjr /etc/conf/with\040blank ro,relatime - tmpfs tmpfs ro
99 75 0:41 / /mem rw - ramfs ramfs rw
100 99 254:0 /disk /mem/disk rw - ext4 /dev/vda rw
101 75 0:42 / /hidden rw - tmpfs tmpfs rw
102 101 254:0 /disk /hidden rw - ext4 /dev/vda rw
`

func TestWhatIsInMemoryIsKnownByItsMount(t *testing.T) {
	mounts := parseMounts(taskMounts)
	for name, test := range map[string]struct {
		why, path string
		want      bool
	}{
		"Root":      {"a file of the image is on a disk", "/etc/passwd", false},
		"Secret":    {"Swarm mounts it from memory, wherever it is to be", "/etc/conf/tls.key", true},
		"Blank":     {"mountinfo has blanks in octal", "/etc/conf/with blank", true},
		"Beside":    {"a name that begins alike", "/etc/conf/tls.key2", false},
		"Above":     {"a directory hands on all that is in it", "/etc", true},
		"NotAbove":  {"there is nothing of the kind in it", "/var", false},
		"Below":     {"all in it", "/mem/a/b", true},
		"OnDisk":    {"the innermost mount counts", "/mem/disk/a", false},
		"Hidden":    {"of two the later is seen", "/hidden/a", false},
		"Secrets":   {"what is there is meant to be secret, on a disk or not", "/run/secrets/s", true},
		"OldPlace":  {"an image need not have /var/run as a link", "/var/run/secrets/s", true},
		"NoSecrets": {"a name that begins alike", "/run/secrets2/s", false},
	} {
		if got := mounts.inMemory(test.path); got != test.want {
			t.Errorf("%s: %s: got %t: %s", name, test.path, got, test.why)
		}
	}
}

// held is a directory as the supervisor has it: one file in it is on a disk, and those
// in secrets are in memory.
func held(t *testing.T) (string, ownMounts) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/secrets", "/secrets/sub"} {
		if err := os.Mkdir(root+dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"/plain", "/secrets/key", "/secrets/sub/x"} {
		if err := os.WriteFile(root+name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("secrets/key", root+"/link"); err != nil {
		t.Fatal(err)
	}
	return root, ownMounts{{"/", false}, {root + "/secrets", true}}
}

func TestACopyOfWhatIsInMemoryIsMountedWhereDockerCpWouldPutIt(t *testing.T) {
	root, mounts := held(t)
	for name, test := range map[string]struct {
		why, source, target string
		want                []string // source -> target of what is in memory
	}{
		"Plain":       {"a file on a disk is copied", "/plain", "/x", nil},
		"File":        {"it has the new name", "/secrets/key", "/etc/./x", []string{"/secrets/key -> /etc/x"}},
		"Into":        {"a slash makes a directory of the target", "/secrets/key", "/etc/", []string{"/secrets/key -> /etc/key"}},
		"Dotted":      {"so does a dot", "/secrets/key", "/etc/.", []string{"/secrets/key -> /etc/key"}},
		"IntoRoot":    {"nothing is mounted over the root", "/secrets/key", "/", []string{"/secrets/key -> /key"}},
		"IntoVolume":  {"where a volume is mounted there is a directory", "/secrets/key", "/data", []string{"/secrets/key -> /data/key"}},
		"Link":        {"what it leads to is in memory", "/link", "/x", []string{"/link -> /x"}},
		"LinkInto":    {"it keeps its name", "/link", "/etc/", []string{"/link -> /etc/link"}},
		"Dir":         {"it has the new name", "/secrets", "/certs/", []string{"/secrets -> /certs"}},
		"IntoTmpfs":   {"so there is where a tmpfs is", "/secrets/key", "/run", []string{"/secrets/key -> /run/key"}},
		"DirInVolume": {"it keeps its name", "/secrets/", "/data", []string{"/secrets/ -> /data/secrets"}},
		"Contents":    {"each goes beside what is there", "/secrets/.", "/etc", []string{"/secrets/key -> /etc/key", "/secrets/sub -> /etc/sub"}},
		"Above":       {"some of it is in memory, so all of it goes there", "/.", "/x", []string{"/link -> /x/link", "/plain -> /x/plain", "/secrets -> /x/secrets"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := pod.Component{
				Name: "web", Volumes: []pod.Volume{{Kind: pod.Named, Source: "v", Target: "/data/"}}, Tmpfs: map[string]string{"/run": ""},
				Copies: []pod.Copy{{Source: root + test.source, Target: test.target}},
			}
			got, err := inMemory(pod.Pod{Init: []pod.Component{c}}, mounts)
			if err != nil {
				t.Fatal(err)
			}
			var placed []string
			for _, file := range got.Init[0].Copies {
				if file.Memory && file.Writable {
					placed = append(placed, strings.TrimPrefix(file.Source, root)+" -> "+file.Target)
				}
			}
			if diff := cmp.Diff(test.want, placed); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
			if test.want == nil && !cmp.Equal(got.Init[0].Copies, c.Copies) {
				t.Errorf("%s: got %+v", test.why, got.Init[0].Copies)
			}
		})
	}
}

func TestASecretStaysAsItsReaderHasIt(t *testing.T) {
	root, mounts := held(t)
	c := pod.Component{Copies: []pod.Copy{{Source: root + "/secrets/key", Target: "/run/secrets/key", Memory: true}}}
	got, err := inMemory(pod.Pod{Components: []pod.Component{c}}, mounts)
	if err != nil || !cmp.Equal(got.Components[0].Copies, c.Copies) {
		t.Errorf("got %+v, %v", got.Components, err)
	}
}

func TestEveryMissingSourceIsToldWithItsPlaceAndRemedy(t *testing.T) {
	missing := pod.Copy{Source: "/none/key", Target: "/x"}
	secret := missing
	secret.Memory, secret.Place = true, "pod.component.web: secrets"
	err := checkCopies(labels.Reading{Pod: pod.Pod{
		Init:       []pod.Component{{Name: "init-1", Copies: []pod.Copy{missing}}},
		Components: []pod.Component{{Name: "web", Copies: []pod.Copy{secret, {Source: "/dev/null", Target: "/y"}}}},
	}}, nil)
	const remedy = "; give it to the supervisor, as a secret, a config or a volume of its service"
	want := "pod.copy.init-1: cannot copy /none/key: no such file or directory" + remedy + "\n" +
		"pod.component.web: secrets: cannot copy /none/key: no such file or directory" + remedy + "\n" +
		"pod.copy.web: cannot copy /dev/null: it is a device, and only files, directories and links can be copied"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestACopyIntoATmpfsIsRefusedUnlessItIsMounted(t *testing.T) {
	root, mounts := held(t)
	err := checkCopies(labels.Reading{Pod: pod.Pod{Components: []pod.Component{{
		Name: "web", Tmpfs: map[string]string{"/run": ""},
		Copies: []pod.Copy{
			{Source: root + "/plain", Target: "/run/plain"}, {Source: root + "/secrets/key", Target: "/run/key"}, {Source: root + "/link", Target: "/run"},
			{Source: root + "/plain", Target: "/run/config", Memory: true}, {Source: root + "/plain", Target: "/etc/plain"},
		},
	}}}}, mounts)
	const want = "pod.copy.web: /run/plain is in the tmpfs /run, which is empty when the component starts; copy to elsewhere"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWhatIsMountedIsAVolumeOrAHostPathAndNoSecret(t *testing.T) {
	self := engine.Seen{Mounts: []engine.Mounted{
		{Type: engine.VolumeMount, Name: "data", Source: "/docker/data", Target: "/data", ReadOnly: true},
		{Type: engine.BindMount, Source: "/a", Target: "/b", Propagation: "rslave"},
		{Type: engine.TmpfsMount, Target: "/tmp"},
		{Type: engine.BindMount, Source: "/project/key", Target: "/run/secrets/key"},
	}}
	want := []pod.Volume{
		{Kind: pod.Named, Source: "data", Target: "/data", ReadOnly: true, NoCopy: true},
		{Kind: pod.Bind, Source: "/a", Target: "/b", Propagation: "rslave"},
	}
	if diff := cmp.Diff(want, mounted(self)); diff != "" {
		t.Error(diff)
	}
	for host, want := range map[string]int{"": 2, "tcp://10.0.0.1:2375": 2, "unix:///my.sock": 3} {
		if got := ownSockets(host); len(got) != want || want == 3 && got[2] != "/my.sock" {
			t.Errorf("DOCKER_HOST=%s: got %q", host, got)
		}
	}
}
