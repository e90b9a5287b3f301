package hosts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/hosts"
)

// engines is what an engine writes for a container in one network.
const engines = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n172.17.0.2\t4d8de925f877\n"

// ours are lines of ours.
func ours(names ...string) (text string) {
	for _, name := range names {
		text += "127.0.0.1 " + name + " # podlike\n"
	}
	return text
}

func TestNamesAreMergedIntoWhatIsThere(t *testing.T) {
	for name, test := range map[string]struct {
		why, text string
		names     []string
		want      string
		taken     []hosts.Taken
	}{
		"New":         {"what is there comes first, for the first address of a name counts", engines, []string{"app", "db"}, engines + ours("app", "db"), nil},
		"Nothing":     {"there is nothing to be known", engines, nil, engines, nil},
		"Empty":       {"a file may have nothing in it", "", []string{"db"}, ours("db"), nil},
		"Again":       {"a second start changes nothing", engines + ours("app", "db"), []string{"app", "db"}, engines + ours("app", "db"), nil},
		"Other":       {"names of an earlier description are none", engines + ours("app", "old"), []string{"app", "db"}, engines + ours("app", "db"), nil},
		"None":        {"all of them", engines + ours("app", "old"), nil, engines, nil},
		"Between":     {"the engine puts its lines behind ours", ours("db") + engines, []string{"db"}, ours("db") + engines, nil},
		"Twice":       {"once is enough", engines + ours("db", "db"), []string{"db"}, engines + ours("db"), nil},
		"CutOff":      {"a last line without an end is no line to go on behind", engines + "10.0.0.1\tx", []string{"db"}, engines + "10.0.0.1\tx\n" + ours("db"), nil},
		"OursCutOff":  {"the engine would go on behind it", engines + strings.TrimSpace(ours("db")), []string{"db"}, engines + ours("db"), nil},
		"Taken":       {"somebody has asked for it: extra_hosts", engines + "10.0.0.5\tdb\n", []string{"app", "db"}, engines + "10.0.0.5\tdb\n" + ours("app"), []hosts.Taken{{Name: "db", Address: "10.0.0.5"}}},
		"TakenLater":  {"ours gives way", engines + ours("db") + "10.0.0.5\tdb\n", []string{"db"}, engines + "10.0.0.5\tdb\n", []hosts.Taken{{Name: "db", Address: "10.0.0.5"}}},
		"TakenAlias":  {"names stand in one line as well, and in any letters", "10.0.0.5 x DB # mine\n", []string{"db"}, "10.0.0.5 x DB # mine\n", []hosts.Taken{{Name: "db", Address: "10.0.0.5"}}},
		"OwnHostname": {"the supervisor's own stays the engine's", engines, []string{"4d8de925f877"}, engines, []hosts.Taken{{Name: "4d8de925f877", Address: "172.17.0.2"}}},
		"Localhost":   {"it is that already", engines, []string{"localhost"}, engines, nil},
		"Letters":     {"DB and db are one name", engines, []string{"DB", "db"}, engines + ours("DB"), nil},
		"Comment":     {"what is behind # says nothing", "# 10.0.0.5 db\n10.0.0.1 x # db\n\n", []string{"db"}, "# 10.0.0.5 db\n10.0.0.1 x # db\n\n" + ours("db"), nil},
		"NotOurs":     {"the mark is at the end of a line of ours", "127.0.0.1 old # podlike is here\n", []string{"db"}, "127.0.0.1 old # podlike is here\n" + ours("db"), nil},
		"Part":        {"a name in another one is none", "10.0.0.5 db.internal\n", []string{"db"}, "10.0.0.5 db.internal\n" + ours("db"), nil},
	} {
		got, taken := hosts.Merge(test.text, test.names)
		if diff := cmp.Diff(test.want, got) + cmp.Diff(test.taken, taken); diff != "" {
			t.Errorf("%s: %s:\n%s", name, test.why, diff)
		}
		if again, _ := hosts.Merge(got, test.names); again != got {
			t.Errorf("%s: once more it is\n%s", name, again)
		}
		if more := hosts.Missing(got, test.names); more != "" {
			t.Errorf("%s: there is missing\n%s", name, more)
		}
	}
}

// A file of a size that grows and shrinks is the same file to all who have it mounted.
func TestAFileIsWrittenToAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, []byte(engines+ours("old", "older")), 0o644); err != nil {
		t.Fatal(err)
	}
	mounted, err := os.Open(path) // what has it mounted sees the one that was there
	if err != nil {
		t.Fatal(err)
	}
	defer mounted.Close()
	has := func(want string) {
		t.Helper()
		seen := make([]byte, 1<<16)
		n, _ := mounted.ReadAt(seen, 0)
		if diff := cmp.Diff(want, string(seen[:n])); diff != "" {
			t.Error(diff)
		}
	}
	for _, names := range [][]string{{"db"}, {"app", "db"}, {"app", "db"}, nil} {
		if _, err := hosts.Write(path, names); err != nil {
			t.Fatal(err)
		}
		want, _ := hosts.Merge(engines, names)
		if len(names) == 2 { // what was there stays in its place
			want = engines + ours("db", "app")
		}
		has(want)
	}
	if err := os.WriteFile(path, []byte("10.0.0.1\tx"), 0o644); err != nil {
		t.Fatal(err)
	}
	if !hosts.Lacks(path, []string{"db"}) {
		t.Error("the name is not missed")
	}
	if err := hosts.Restore(path, []string{"db"}); err != nil || hosts.Lacks(path, []string{"db"}) {
		t.Errorf("the name is not put back: %v", err)
	}
	has("10.0.0.1\tx\n" + ours("db"))
}

// A pod that shares its network with another one leaves the other's names alone when it puts
// back its own: each would take away the other's for ever.
func TestWhatIsPutBackTakesNothingAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, []byte(engines+ours("theirs")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := hosts.Restore(path, []string{"mine"}); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != engines+ours("theirs", "mine") {
		t.Errorf("got\n%s", got)
	}
}

func TestAFileThatCannotBeReadOrWrittenIsAnError(t *testing.T) {
	dir := t.TempDir()
	if _, err := hosts.Write(filepath.Join(dir, "none"), []string{"db"}); err == nil {
		t.Error("no file is written to")
	}
	if err := hosts.Restore(dir, []string{"db"}); err == nil {
		t.Error("a directory is written to")
	}
	if !hosts.Lacks(dir, nil) {
		t.Error("a file that cannot be read is said to have all names")
	}
}

// A file that a user mounts may be the machine's own, and whoever is root can write to it.
func TestOnlyTheEnginesFileIsTheEngines(t *testing.T) {
	const id = "4d8de925f87790e7b186d0b72503546e563efcb9226f2c9f63624ba8146138ef"
	for line, want := range map[string]bool{
		"326 289 254:0 /var/lib/docker/containers/" + id + "/hosts /etc/hosts rw,relatime - ext4 /dev/vda rw\n": true,
		"326 289 254:0 /containers/" + id + "/hosts /etc/hosts ro,relatime - ext4 /dev/vdb rw\n":                true,
		"326 289 254:0 /etc/hosts /etc/hosts ro,relatime - ext4 /dev/vda rw\n":                                  false,
		"326 289 254:0 /home/me/hosts /etc/hosts rw,relatime - ext4 /dev/vda rw\n":                              false,
		"326 289 254:0 /var/lib/docker/containers/" + id + "/hosts /hosts rw,relatime - ext4 /dev/vda rw\n":     false,
		"326 289 254:0 /var/lib/docker/containers/" + id + "/hostname /etc/hosts rw - ext4 /dev/vda rw\n":       false,
		"326 289 254:0 /var/lib/docker/containers/" + id[1:] + "/hosts /etc/hosts rw - ext4 /dev/vda rw\n":      false,
		"": false,
	} {
		if got := hosts.IsEngines("1 2 0:1 / / rw - overlay overlay rw\n" + line + "3 2 0:2 / /proc rw - proc proc rw\n"); got != want {
			t.Errorf("%t of %s", got, line)
		}
	}
}
