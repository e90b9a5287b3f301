package admission_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/admission"
	"github.com/podlike/podlike/internal/archive"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// page is what a small file takes in memory.
const page = 64 << 10

// files are what the supervisor has: what is in /secrets is in memory, and / is above it.
var files = map[string]archive.Look{
	"/":            {IsDir: true, Names: []string{"link", "plain", "secrets"}, Memory: true, Size: 7 * page},
	"/plain":       {Size: page},
	"/link":        {Memory: true, Size: page},
	"/secrets":     {IsDir: true, Names: []string{"key", "sub"}, Memory: true, Size: 4 * page},
	"/secrets/key": {Memory: true, Size: page},
	"/secrets/sub": {IsDir: true, Names: []string{"x"}, Memory: true, Size: 2 * page},
	"/broken":      {IsDir: true, Names: []string{"none"}, Memory: true, Size: 2 * page},
}

// look looks at the files.
func look(c pod.Copy) (archive.Look, error) {
	found, there := files[path.Clean(c.Source)]
	switch {
	case c.Source == "/closed":
		return found, fmt.Errorf("cannot copy %s: %w", c.Source, fs.ErrPermission)
	case c.Source == "/pipe":
		return found, fmt.Errorf("cannot copy %s: it is a pipe", c.Source)
	case !there:
		return found, fmt.Errorf("cannot copy %s: %w", c.Source, fs.ErrNotExist)
	}
	return found, nil
}

func TestACopyOfWhatIsInMemoryIsMountedWhereDockerCpWouldPutIt(t *testing.T) {
	for name, test := range map[string]struct {
		why, source, target string
		want                []string // source -> target of what is in memory, and its pages
	}{
		"Plain":       {"a file on a disk is copied", "/plain", "/x", nil},
		"File":        {"it has the new name", "/secrets/key", "/etc/./x", []string{"/secrets/key -> /etc/x 1"}},
		"Into":        {"a slash makes a directory of the target", "/secrets/key", "/etc/", []string{"/secrets/key -> /etc/key 1"}},
		"Dotted":      {"so does a dot", "/secrets/key", "/etc/.", []string{"/secrets/key -> /etc/key 1"}},
		"IntoRoot":    {"nothing is mounted over the root", "/secrets/key", "/", []string{"/secrets/key -> /key 1"}},
		"IntoVolume":  {"where a volume is mounted there is a directory", "/secrets/key", "/data", []string{"/secrets/key -> /data/key 1"}},
		"Link":        {"what it leads to is in memory", "/link", "/x", []string{"/link -> /x 1"}},
		"LinkInto":    {"it keeps its name", "/link", "/etc/", []string{"/link -> /etc/link 1"}},
		"DirIntoRoot": {"nor is a directory", "/secrets", "/", []string{"/secrets -> /secrets 4"}},
		"Dir":         {"it has the new name", "/secrets", "/certs/", []string{"/secrets -> /certs 4"}},
		"IntoTmpfs":   {"so there is where a tmpfs is", "/secrets/key", "/run", []string{"/secrets/key -> /run/key 1"}},
		"DirInVolume": {"it keeps its name", "/secrets/", "/data", []string{"/secrets/ -> /data/secrets 4"}},
		"Contents":    {"each goes beside what is there", "/secrets/.", "/etc", []string{"/secrets/key -> /etc/key 1", "/secrets/sub -> /etc/sub 2"}},
		"Above":       {"some of it is in memory, so all goes there", "/.", "/x", []string{"/link -> /x/link 1", "/plain -> /x/plain 1", "/secrets -> /x/secrets 4"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := pod.Component{
				Name: "web", Volumes: []pod.Volume{{Kind: pod.Named, Source: "v", Target: "/data/"}}, Tmpfs: map[string]string{"/run": ""},
				Copies: []pod.Copy{{Source: test.source, Target: test.target}},
			}
			got, _, err := admission.Admit(pod.Pod{Init: []pod.Component{c}}, admission.Own{}, look)
			if err != nil {
				t.Fatal(err)
			}
			var placed []string
			for _, file := range got.Init[0].Copies {
				if file.Memory && file.Writable {
					placed = append(placed, fmt.Sprintf("%s -> %s %d", file.Source, file.Target, file.Room/page))
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
	c := pod.Component{Copies: []pod.Copy{{Source: "/plain", Target: "/run/secrets/key/", Memory: true}}} // as Compose mounts them
	got, _, err := admission.Admit(pod.Pod{Components: []pod.Component{c}}, admission.Own{}, look)
	want := c.Copies[0]
	want.Room = page
	if err != nil || !cmp.Equal(got.Components[0].Copies, []pod.Copy{want}) || c.Copies[0].Room != 0 {
		t.Errorf("got %+v, %v", got.Components, err)
	}
}

// A file that was there when it was checked may be gone already.
func TestWhatIsGoneSinceItWasCheckedIsTold(t *testing.T) {
	for source, want := range map[string]string{
		"/none":     "cannot look at what is copied into web: cannot copy /none: file does not exist",
		"/broken/.": "cannot look at what is copied into web: cannot copy /broken/none: file does not exist",
	} {
		c := pod.Component{Name: "web", Copies: []pod.Copy{{Source: source, Target: "/x"}}}
		_, _, err := admission.Admit(pod.Pod{Components: []pod.Component{c}}, admission.Own{}, look)
		if err == nil || err.Error() != want || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v", source, err)
		}
	}
}

func TestEveryCopyThatCannotBeMadeIsToldWithItsPlaceAndRemedy(t *testing.T) {
	secret := pod.Copy{Source: "/none", Target: "/x", Memory: true, Place: "pod.component.web: secrets"}
	got := admission.Check(pod.Pod{
		Init: []pod.Component{{Name: "init-1", Copies: []pod.Copy{{Source: "/none", Target: "/x"}}}},
		Components: []pod.Component{{Name: "web", Copies: []pod.Copy{
			secret, {Source: "/closed", Target: "/y"}, {Source: "/pipe", Target: "/z"}, {Source: "/plain", Target: "/p"},
		}}},
	}, look)
	const give = "; give it to the supervisor, as a secret, a config or a volume of its service"
	want := pod.Problems{
		{Place: "pod.copy.init-1", What: "cannot copy /none: file does not exist" + give},
		{Place: "pod.component.web: secrets", What: "cannot copy /none: file does not exist" + give},
		{Place: "pod.copy.web", What: "cannot copy /closed: permission denied; let the supervisor's user read it"},
		{Place: "pod.copy.web", What: "cannot copy /pipe: it is a pipe"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestACopyIntoATmpfsIsRefusedUnlessItIsMounted(t *testing.T) {
	got := admission.Check(pod.Pod{Components: []pod.Component{{
		Name: "web", Tmpfs: map[string]string{"/run": ""},
		Copies: []pod.Copy{
			{Source: "/plain", Target: "/run/plain/"}, {Source: "/secrets/key", Target: "/run/key"}, {Source: "/link", Target: "/run"},
			{Source: "/plain", Target: "/run/config", Memory: true}, {Source: "/plain", Target: "/etc/plain"},
		},
	}}}, look)
	want := pod.Problems{{Place: "pod.copy.web", What: "/run/plain is in the tmpfs /run, which is empty when the component starts; copy to elsewhere"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAPodIsRunWithinWhatTheSupervisorHas(t *testing.T) {
	web := pod.Component{
		Name: "web", Resources: pod.Resources{Memory: 2 << 30},
		Volumes: []pod.Volume{{Kind: pod.Named, Source: "data", Target: "/data"}},
	}
	before := pod.Pod{Components: []pod.Component{web}}
	own := admission.Own{
		Limits:  pod.Limits{Memory: 1 << 30},
		Volumes: []pod.OwnVolume{{Name: "x1", Labels: map[string]string{pod.VolumeRef: "data"}}},
		Shared:  []pod.Volume{{Kind: pod.Bind, Source: "/s", Target: "/run/docker.sock"}, {Kind: pod.Bind, Source: "/a", Target: "/b"}},
		Sockets: []string{"/run/docker.sock"},
	}
	got, lowered, err := admission.Admit(before, own, look)
	if err != nil {
		t.Fatal(err)
	}
	want := web
	want.Resources.Memory = 1 << 30
	want.Volumes = []pod.Volume{{Kind: pod.Named, Source: "x1", Target: "/data"}, {Kind: pod.Bind, Source: "/a", Target: "/b"}}
	if diff := cmp.Diff([]pod.Component{want}, got.Components); diff != "" {
		t.Error(diff)
	}
	if len(lowered) != 1 || lowered[0].Place != "pod.component.web: mem_limit" {
		t.Errorf("lowered: %v", lowered)
	}
	if diff := cmp.Diff([]pod.Component{web}, before.Components); diff != "" {
		t.Errorf("it was changed itself:\n%s", diff)
	}
}

func TestWhatIsShareableIsAVolumeOrAHostPathAndNoSecret(t *testing.T) {
	mounts := []engine.Mounted{
		{Type: engine.VolumeMount, Name: "data", Source: "/docker/data", Target: "/data", ReadOnly: true},
		{Type: engine.BindMount, Source: "/a", Target: "/b", Propagation: "rslave"},
		{Type: engine.TmpfsMount, Target: "/tmp"},
		{Type: engine.BindMount, Source: "/project/key", Target: "/run/secrets/key"},
	}
	want := []pod.Volume{
		{Kind: pod.Named, Source: "data", Target: "/data", ReadOnly: true, NoCopy: true},
		{Kind: pod.Bind, Source: "/a", Target: "/b", Propagation: "rslave"},
	}
	if diff := cmp.Diff(want, admission.Shareable(mounts)); diff != "" {
		t.Error(diff)
	}
}

func TestTheEnginesSocketIsKnownByItsPaths(t *testing.T) {
	for host, want := range map[string]int{"": 2, "tcp://10.0.0.1:2375": 2, "unix:///my.sock": 3} {
		if got := admission.Sockets(host); len(got) != want || want == 3 && got[2] != "/my.sock" {
			t.Errorf("DOCKER_HOST=%s: got %q", host, got)
		}
	}
}

func TestComponentsGoBeforeTheSupervisorWhenMemoryIsShort(t *testing.T) {
	for own, want := range map[int]int{0: 1, -500: -499, 999: 1000, 1000: 1000} {
		if got := admission.OOMScoreAdj(own); got != want {
			t.Errorf("%d: got %d, want %d", own, got, want)
		}
	}
}

// Limits may be more than there is, in the hope that not all are reached; promises may not.
func TestWhoIsPromisedMoreMemoryThanThereIsIsWarned(t *testing.T) {
	promised := func(name string, bytes int64) pod.Component {
		return pod.Component{Name: name, Resources: pod.Resources{Memory: 1 << 40, MemoryReservation: bytes}}
	}
	for name, test := range map[string]struct {
		why    string
		all    []pod.Component
		memory int64
		want   pod.Problems
	}{
		"Enough": {"all of it may be promised", []pod.Component{promised("a", 32<<20), promised("b", 64<<20)}, 96 << 20, nil},
		"Free":   {"there is no limit", []pod.Component{promised("a", 1<<40)}, 0, nil},
		"TooMuch": {"not all can have it", []pod.Component{promised("a", 64<<20), {Name: "b"}, promised("c", 64<<20)}, 96 << 20, pod.Problems{{
			Place: "pod.component.c: mem_reservation",
			What:  "a, c are promised 128m of memory together, and the pod has 96m; promise less, or give the service more",
		}}},
	} {
		got := admission.Overcommitted(pod.Pod{Components: test.all}, test.memory)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s\n%s", name, test.why, diff)
		}
	}
}

// What all are bound by together lowers nobody's own limit.
func TestWhereThePodIsBoundNoComponentIsLowered(t *testing.T) {
	p := pod.Pod{Components: []pod.Component{{Name: "a", Resources: pod.Resources{Memory: 1 << 30}}}}
	for _, bound := range []bool{true, false} {
		got, lowered, err := admission.Admit(p, admission.Own{Limits: pod.Limits{Memory: 1 << 20}, Bound: bound}, look)
		if err != nil || (len(lowered) == 0) != bound || (got.Components[0].Resources.Memory == 1<<30) != bound {
			t.Errorf("bound %t: lowered %v, %v, to %+v", bound, lowered, err, got.Components[0].Resources)
		}
	}
}
