package component

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/versions"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/labels"
)

// A bench makes components, the way a supervisor does, and the containers that the
// docker command line makes of the same words.
type bench struct {
	scope  *dockertest.Engine
	engine *docker.Engine
	owner  *dockertest.Container // owns what is made, and holds the namespaces
	shared bool                  // PID and IPC, and not the network alone
	volume string
	plain  map[string]string // the fields of a component that says nothing
	made   int
}

// score is the oom_score_adj of a component that does not name one.
const score = 7

func newBench(t *testing.T) *bench {
	t.Helper()
	t.Setenv("OWN", "the supervisor's")
	b := &bench{scope: dockertest.New(t)}
	e, err := docker.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	b.engine = e
	b.owner = b.scope.Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}, IPC: "shareable"})
	b.volume = b.scope.Volume(t, nil)
	made, err := b.component(t, property{})
	if err != nil {
		t.Fatal(err)
	}
	b.plain = fields(t, made)
	return b
}

// component makes what the property says by the whole of our way: from a label to
// the engine.
func (b *bench) component(t *testing.T, p property) (*dockertest.Container, error) {
	t.Helper()
	b.made++
	name := fmt.Sprint("it-", b.made)
	definition := "image: " + dockertest.Testkit + "\n" + strings.ReplaceAll(p.says, "VOLUME", b.volume)
	read, err := labels.Read(map[string]string{pod.ComponentPrefix + name: definition}, compose.Own{Lookup: os.LookupEnv, ReadFile: os.ReadFile})
	if err != nil {
		t.Fatal(err)
	}
	read.SharePID, read.ShareIPC = b.shared, b.shared
	owner := pod.Owner{ID: b.owner.ID, Name: b.owner.Name}
	id, _, err := b.engine.Create(t.Context(), plan.ComponentContainer(read.Pod, owner, read.Components[0], 1, engine.ID(b.owner.ID), engine.Image{}, score))
	if err != nil {
		return nil, err
	}
	return b.scope.Container(t, string(id)), nil
}

// docker makes what the property's flags say, with those that every component has.
func (b *bench) docker(t *testing.T, p property) (*dockertest.Container, error) {
	t.Helper()
	if p.asks != nil {
		return b.api(t, p)
	}
	args := f("create", "--rm", "--network", dockertest.Join(b.owner), "--stop-timeout", "10", "--oom-score-adj", fmt.Sprint(score))
	for key, value := range b.scope.Labels(nil) {
		args = append(args, "--label", key+"="+value)
	}
	for _, flag := range p.flags {
		args = append(args, strings.ReplaceAll(flag, "VOLUME", b.volume))
	}
	cmd := exec.Command("docker", append(append(args, dockertest.Testkit), p.command...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		_, reason, _ := strings.Cut(said.String(), "Error response from daemon: ")
		reason, _, _ = strings.Cut(reason, "\n")
		if reason == "" {
			t.Fatalf("docker %q: %v: %s", args, err, said.String())
		}
		return nil, errors.New(strings.TrimSpace(reason))
	}
	return b.scope.Container(t, strings.TrimSpace(string(out))), nil
}

// api makes what the command line has no flags for.
func (b *bench) api(t *testing.T, p property) (*dockertest.Container, error) {
	t.Helper()
	grace := 10
	config := &container.Config{Image: dockertest.Testkit, Labels: b.scope.Labels(nil), StopTimeout: &grace}
	host := &container.HostConfig{AutoRemove: true, NetworkMode: container.NetworkMode(dockertest.Join(b.owner))}
	host.OomScoreAdj = score
	p.asks(config, host)
	made, err := b.scope.Client().ContainerCreate(t.Context(), config, host, nil, nil, "")
	if err != nil {
		return nil, err
	}
	return b.scope.Container(t, made.ID), nil
}

// What a component says, its container shows as if docker create had been told; or
// the engine refuses both for the same reason.
func TestEachPropertyReachesTheEngineAsItsFlagDoes(t *testing.T) {
	b := newBench(t)
	if len(properties) < 80 {
		t.Errorf("there are only %d properties", len(properties))
	}
	for _, p := range properties {
		t.Run(p.says, func(t *testing.T) {
			ours, err := b.component(t, p)
			if p.since != "" && versions.LessThan(b.scope.Client().ClientVersion(), p.since) {
				b.tooOld(t, p, err)
				return
			}
			theirs, refused := b.docker(t, p)
			if err != nil || refused != nil {
				b.bothRefused(t, err, refused)
				return
			}
			b.compare(t, p, fields(t, ours), fields(t, theirs))
			ours.Remove(t)
			theirs.Remove(t)
		})
	}
}

// tooOld holds that what the engine does not know is told, and not left out.
func (b *bench) tooOld(t *testing.T, p property, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "API "+p.since) {
		t.Errorf("the engine does not have it, but all that is said is: %v", err)
		return
	}
	t.Logf("%v", err)
}

func (b *bench) bothRefused(t *testing.T, ours, theirs error) {
	t.Helper()
	if ours == nil || theirs == nil || !strings.Contains(ours.Error(), strings.TrimPrefix(theirs.Error(), "Error response from daemon: ")) {
		t.Errorf("refused for different reasons:\n  ours:   %v\n  theirs: %v", ours, theirs)
		return
	}
	t.Logf("refused: %v", theirs)
}

func (b *bench) compare(t *testing.T, p property, ours, theirs map[string]string) {
	t.Helper()
	if diff := cmp.Diff(theirs, ours); diff != "" {
		t.Errorf("-docker +component:\n%s", diff)
	}
	var shown []string
	both := maps.Clone(b.plain)
	maps.Copy(both, ours)
	for _, key := range slices.Sorted(maps.Keys(both)) {
		if ours[key] != b.plain[key] {
			shown = append(shown, key+"="+ours[key])
		}
	}
	if len(shown) == 0 && !p.unseen {
		t.Error("no field of the container shows it")
	}
	t.Logf("%s", strings.Join(shown, "  "))
}

// fields are what inspect shows of how a container was made, without what is empty
// and what cannot be the same.
func fields(t *testing.T, c *dockertest.Container) map[string]string {
	t.Helper()
	seen := c.Inspect(t)
	maps.DeleteFunc(seen.Config.Labels, func(key, _ string) bool { return strings.HasPrefix(key, "podlike.") })
	for _, m := range seen.HostConfig.Mounts {
		if m.VolumeOptions != nil {
			maps.DeleteFunc(m.VolumeOptions.Labels, func(key, _ string) bool { return strings.HasPrefix(key, "podlike.") })
		}
	}
	seen.Config.Env = effective(seen.Config.Env)
	all := map[string]string{}
	gather(t, all, "Config.", seen.Config)
	gather(t, all, "HostConfig.", seen.HostConfig)
	for _, other := range []string{"Config.Hostname", "Config.AttachStdout", "Config.AttachStderr", "HostConfig.RestartPolicy", "HostConfig.ConsoleSize"} {
		delete(all, other) // the command line's own, and nothing of a container that runs by itself
	}
	return all
}

// effective is the environment that a process sees: of several values the last, in order.
func effective(env []string) []string {
	last := map[string]string{}
	for _, variable := range env {
		name, _, _ := strings.Cut(variable, "=")
		last[name] = variable
	}
	return slices.Sorted(maps.Values(last))
}

// gather adds the fields of v, as JSON.
func gather(t *testing.T, all map[string]string, prefix string, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var decoded map[string]any
	if err := json.Unmarshal(text, &decoded); err != nil {
		t.Fatal(err)
	}
	for key, value := range decoded {
		if value = full(key, value); value != nil {
			text, _ := json.Marshal(value) // it came from JSON
			all[prefix+key] = string(text)
		}
	}
}

// full is a value without what is empty in it, nil when all is. Of some fields a zero
// says something, and of some the command line writes out what is no limit.
func full(key string, v any) any {
	switch v := v.(type) {
	case bool:
		if !v && key != "Init" {
			return nil
		}
	case float64:
		if v == 0 && key != "MemorySwappiness" && key != "Soft" && key != "Hard" || v == -1 && key == "MemorySwappiness" {
			return nil
		}
	case string:
		if v == "" && key != "item" {
			return nil
		}
	case []any:
		var list []any
		for _, item := range v {
			if item = full("item", item); item != nil {
				list = append(list, item)
			}
		}
		if v != nil && list == nil && (key == "MaskedPaths" || key == "ReadonlyPaths" || key == "Entrypoint") {
			return "none"
		}
		if list == nil {
			return nil
		}
		return list
	case map[string]any:
		entries := map[string]any{}
		for key, value := range v {
			if value = full(key, value); value != nil {
				entries[key] = value
			} else if text, is := v[key].(string); is && text == "" {
				entries[key] = ""
			}
		}
		if len(entries) == 0 {
			return nil
		}
		return entries
	}
	return v
}
