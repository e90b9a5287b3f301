package mount_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/mount"
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
	mounts := mount.Parse(taskMounts)
	for name, test := range map[string]struct {
		why, path string
		memory    bool
		id        int
	}{
		"Root":      {"a file of the image is on a disk", "/etc/passwd", false, 75},
		"Secret":    {"Swarm mounts it from memory, wherever it is to be", "/etc/conf/tls.key", true, 97},
		"Blank":     {"mountinfo has blanks in octal", "/etc/conf/with blank", true, 98},
		"Beside":    {"a name that begins alike", "/etc/conf/tls.key2", false, 75},
		"Above":     {"a directory is not what is in it, which is looked at too", "/etc/conf", false, 75},
		"Below":     {"all in it", "/mem/a/b", true, 99},
		"OnDisk":    {"the innermost mount counts", "/mem/disk/a", false, 100},
		"Hidden":    {"of two the later is seen", "/hidden/a", false, 102},
		"Secrets":   {"what is there is meant to be secret, on a disk or not", "/run/secrets/s", true, 75},
		"OldPlace":  {"an image need not have /var/run as a link", "/var/run/secrets/s", true, 75},
		"NoSecrets": {"a name that begins alike", "/run/secrets2/s", false, 75},
	} {
		if got, at := mounts.InMemory(test.path), mounts.At(test.path); got != test.memory || at.ID != test.id {
			t.Errorf("%s: %s: got %t, and mount %d: %s", name, test.path, got, at.ID, test.why)
		}
	}
}

func TestALineOfMountinfoThatCannotBeReadSaysNothing(t *testing.T) {
	for name, line := range map[string]string{
		"NoType": "75 48 0:39 / / rw -", "Short": "75 48 0:39 / - ext4",
		"NoDash": "75 48 0:39 / / rw ext4 /dev/vda rw", "NoID": "x 48 0:39 / / rw - ext4 /dev/vda rw",
	} {
		if got := mount.Parse(line + "\n"); got != nil {
			t.Errorf("%s: got %v", name, got)
		}
	}
	if got := (mount.Table)(nil).At("/x"); got != (mount.Mount{}) {
		t.Errorf("got %v of no table", got)
	}
	want := mount.Table{{ID: 7, Target: `/a\ b`, Memory: false}}
	if diff := cmp.Diff(want, mount.Parse(`7 1 0:1 / /a\134\040b rw - ext4 x rw`)); diff != "" {
		t.Error(diff)
	}
}
