package compose_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
)

// We put files together ourselves; what comes of it is what docker compose makes of
// them. Volumes are left out: a name of one letter is a drive to it.
func TestFilesMeanWhatTheyMeanToDockerCompose(t *testing.T) {
	for name, test := range fileCases {
		t.Run(name, func(t *testing.T) {
			want := byCompose(t, test.files)
			got := flat(compose.ReadFile(main, test.files.own()))
			for i, c := range got {
				got[i] = pod.Component{Name: c.Name, Image: c.Image, User: c.User, Command: c.Command, WorkingDir: c.WorkingDir, TTY: c.TTY, Env: c.Env, Labels: c.Labels}
				if len(c.Env) == 0 {
					got[i].Env = nil
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

// byCompose are the components as compose-go has them, from files on a real disk.
func byCompose(t *testing.T, files disk) []pod.Component {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lookup := files.own().Lookup
	env := types.Mapping{}
	for _, name := range []string{"OWN", "EMPTY"} {
		env[name], _ = lookup(name)
	}
	beside, err := dotenv.ParseWithLookup(strings.NewReader(files["/etc/conf/.env"]), lookup)
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir: filepath.Join(root, "etc/conf"), ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(root, main)}}, Environment: env.Merge(beside),
	}, func(o *loader.Options) {
		o.SetProjectName("pod", true)
		o.Profiles = []string{"debug", "edge"}
		o.ResolvePaths, o.SkipConsistencyCheck = true, true
	})
	if err != nil {
		t.Fatal(err)
	}
	return components(project)
}

// components are a project's services, with some of what they say.
func components(project *types.Project) []pod.Component {
	var all []pod.Component
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		s := project.Services[name]
		c := pod.Component{Name: name, Image: s.Image, User: s.User, Command: s.Command, WorkingDir: s.WorkingDir, TTY: s.Tty, Labels: s.Labels}
		for key, value := range s.Environment {
			if c.Env == nil {
				c.Env = map[string]string{}
			}
			if value != nil {
				c.Env[key] = *value
			}
		}
		all = append(all, c)
	}
	return all
}
