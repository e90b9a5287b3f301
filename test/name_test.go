package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// callable is a Compose file with a service that has all the names that one can have.
const callable = `
services:
  app:
    image: podlike/testkit:dev
    command: sleep
    restart: always
    links: ["db:store"]
  db:
    image: podlike/testkit:dev
    command: serve 127.0.0.1:3000
    container_name: my_db
    hostname: db.internal
    networks: {back: {aliases: [database]}}
`

// names are those of db in there.
var names = []string{"db", "my_db", "db.internal", "database", "store"}

// ofFile is a supervisor whose components are in that Compose file.
func ofFile(t *testing.T, d *dockertest.Engine, text string, flags ...string) dockertest.Spec {
	t.Helper()
	spec := d.Supervisor(t, map[string]string{pod.ComposeFile: "/conf/pod.yml"}, flags...)
	spec.Binds = append(spec.Binds, dirWith(t, "pod.yml", text)+":/conf:ro")
	return spec
}

// reaches asserts that a component gets an answer from another one's port by each name.
func reaches(t *testing.T, s supervisor, component, when string, port int, names ...string) {
	t.Helper()
	from := s.component(t, component)
	for _, name := range names {
		dockertest.Eventually(t, soon, func() (bool, string) {
			out, code := from.Exec(t, "/testkit", "get", fmt.Sprintf("http://%s:%d/", name, port))
			return code == 0, fmt.Sprintf("%s: %s is not reached: %s", when, name, out)
		})
	}
}

// connect has the supervisor join a network, or leave it.
func connect(t *testing.T, s supervisor, network string, leave bool) {
	t.Helper()
	var err error
	if leave {
		err = s.d.Client().NetworkDisconnect(t.Context(), network, s.ID, false)
	} else {
		err = s.d.Client().NetworkConnect(t.Context(), network, s.ID, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// warnings are what the supervisor has said of settings that has the text.
func warnings(t *testing.T, s supervisor, text string) (all []string) {
	t.Helper()
	for _, r := range s.records(t) {
		if r.Message == "check the settings" && strings.Contains(r.Why, text) {
			all = append(all, r.Why)
		}
	}
	return all
}

// A file that was written for docker compose has DB_HOST: db in it, and the like. Whatever the
// pod's network is and whatever the supervisor may do, that is so from the first moment on and
// stays so.
func TestComponentsOfAFileFindEachOtherByAllTheirNames(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, d *dockertest.Engine, spec *dockertest.Spec){
		"Bridge":  func(*testing.T, *dockertest.Engine, *dockertest.Spec) {},
		"Network": func(t *testing.T, d *dockertest.Engine, spec *dockertest.Spec) { spec.Network = d.Network(t) },
		"Host":    func(_ *testing.T, _ *dockertest.Engine, spec *dockertest.Spec) { spec.Network = "host" },
		"None":    func(_ *testing.T, _ *dockertest.Engine, spec *dockertest.Spec) { spec.Network = "none" },
		"Nobody": func(t *testing.T, d *dockertest.Engine, spec *dockertest.Spec) {
			spec.User, spec.ReadOnly = fmt.Sprint("65534:", socketGroup(t, d)), true
			spec.CapDrop, spec.SecurityOpt = []string{"ALL"}, []string{"no-new-privileges"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			port := 3000
			if name == "Host" { // which is the whole machine's
				port = 3199
			}
			spec := ofFile(t, d, strings.ReplaceAll(callable, "3000", fmt.Sprint(port)))
			change(t, d, &spec)
			s := run(t, d, spec)
			s.waitRunning(t)
			reach := func(when string) { t.Helper(); reaches(t, s, "app", when, port, names...) }
			reach("at first")
			first := s.component(t, "app")
			first.Kill(t, "KILL")
			s.waitFor(t, "component started", 4)
			if s.component(t, "app").ID == first.ID {
				t.Error("the component was not restarted")
			}
			reach("after a restart")
			if name == "Bridge" || name == "Network" || name == "Nobody" {
				other := d.Network(t)
				connect(t, s, other, false)
				reach("in another network")
				connect(t, s, other, true)
				reach("out of it again")
			}
			if said := warnings(t, s, "by name"); len(said) > 0 {
				t.Errorf("names are warned of: %q", said)
			}
			s.terminated(t)
		})
	}
}

// Components of labels may have names that the service's networks are to be asked for.
func TestComponentsOfLabelsFindEachOtherByNameWhereThatIsSaid(t *testing.T) {
	t.Parallel()
	for _, said := range []string{"true", "false", ""} {
		t.Run("Said"+said, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			spec := d.Supervisor(t, components{"app": kit("sleep"), "db": kit("serve 127.0.0.1:3000")}.labels())
			if said != "" {
				spec.Labels[pod.MakeKnown] = said
			}
			s := run(t, d, spec)
			s.waitRunning(t)
			text := inside(t, s.component(t, "app"), "cat", "/etc/hosts")
			if known := strings.Contains(text, "\n127.0.0.1 db # podlike\n"); known != (said == "true") {
				t.Errorf("known is %t in\n%s", known, text)
			}
			if said == "true" {
				reaches(t, s, "app", "at first", 3000, "db")
			}
			s.terminated(t)
		})
	}
}

// A name that means something else already is told: that of a user stays as it is, that of a
// network is hidden.
func TestANameThatMeansSomethingElseIsTold(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	network := d.Network(t)
	other := d.Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}, Network: network})
	own := other.Name + "-pod" // which the network knows as well, but it is the pod
	spec := ofFile(t, d, strings.NewReplacer("database", other.Name, "db.internal", own).Replace(callable))
	spec.Name, spec.Network, spec.Hosts = own, network, []string{"my_db:10.1.2.3"}
	s := run(t, d, spec)
	s.waitRunning(t)
	reaches(t, s, "app", "at first", 3000, "db", other.Name, own)
	if text := inside(t, s.component(t, "app"), "cat", "/etc/hosts"); strings.Contains(text, "127.0.0.1 my_db") || !strings.Contains(text, "10.1.2.3\tmy_db\n") {
		t.Errorf("a name that the user has said is changed:\n%s", text)
	}
	var told []string
	dockertest.Eventually(t, soon, func() (bool, string) {
		told = slices.Concat(warnings(t, s, "my_db is 10.1.2.3, and stays that"), warnings(t, s, "the service's networks know "+other.Name+" ("))
		return len(told) == 2, strings.Join(told, "\n")
	})
	if said := warnings(t, s, "networks know"); len(said) != 1 || strings.Contains(said[0], own) {
		t.Errorf("told %q", said)
	}
	s.terminated(t)
}

// The file is everybody's who shares the network. What others write there stays.
func TestNamesThatSomebodyTakesAwayArePutBack(t *testing.T) {
	t.Parallel()
	for name, readOnly := range map[string]bool{"ByItself": false, "ByAHelper": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			spec := ofFile(t, d, callable)
			spec.ReadOnly = readOnly
			s := run(t, d, spec)
			s.waitRunning(t)
			d.Output(t, dockertest.Spec{Image: dockertest.Supervisor, Cmd: []string{"names", "other"}, Network: dockertest.Join(s.Container)})
			reaches(t, s, "app", "afterwards", 3000, names...)
			if text := inside(t, s.component(t, "app"), "cat", "/etc/hosts"); !strings.Contains(text, "127.0.0.1 other # podlike\n") {
				t.Errorf("what somebody has written is gone:\n%s", text)
			}
			s.terminated(t)
		})
	}
}

// A file that is mounted may be the machine's own. It is left alone, whoever could write to it.
func TestAMountedHostsFileIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"", ":ro"} {
		d := dockertest.New(t)
		const text = "127.0.0.1 localhost\n127.0.0.1 app\n"
		dir := dirWith(t, "hosts", text)
		spec := ofFile(t, d, callable)
		spec.Binds = append(spec.Binds, dir+"/hosts:/etc/hosts"+mode)
		s := run(t, d, spec)
		s.waitRunning(t)
		if got := inside(t, s.component(t, "app"), "cat", "/etc/hosts"); got != text {
			t.Errorf("mounted%s, it has\n%s", mode, got)
		}
		told := warnings(t, s, "/etc/hosts is mounted into the supervisor and left as it is")
		if len(told) != 1 || !strings.Contains(told[0], "db, db.internal, my_db, store are 127.0.0.1") {
			t.Errorf("told %q", told)
		}
		s.terminated(t)
	}
}
