package source_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/stack"
)

// otherValues are what a component has otherwise than docker compose says, by key, file and
// service, and why.
var otherValues = map[string]string{
	"restart swarm-1.yml api":    "max_attempts counts with on-failure only, which is told",
	"restart swarm-3.yml api":    "the same",
	"restart swarm-5.yml api":    "the same",
	"depends_on ipc-share.yml b": "what is shared is pause's, so that b need not be restarted with a",
}

// Where both take a file, its components have what docker compose would have given them.
func TestComponentsOfTheWildHaveWhatComposeGivesThem(t *testing.T) {
	met := map[string]bool{}
	compared := 0
	for _, file := range wildFiles(t) {
		pods, findings := stack.Read(file, noVariables)
		project, err := loadByCompose(file)
		if err != nil || slices.ContainsFunc(findings, stack.Finding.IsProblem) {
			continue // which of us takes it is another test's
		}
		for _, c := range pods[0].Pod.All() {
			ours, theirs := oursOf(c), theirsOf(project.Services[c.Name])
			for key, want := range theirs {
				compared++
				if got := ours[key]; got == want {
					continue
				}
				known := key + " " + base(file) + " " + c.Name
				if otherValues[known] == "" {
					t.Errorf("%s: %s: %s is %s; docker compose: %s", base(file), c.Name, key, ours[key], want)
				}
				met[known] = true
			}
		}
	}
	for known := range otherValues {
		if !met[known] {
			t.Errorf("%s is not different any more", known)
		}
	}
	if compared < 120*len(oursOf(pod.Component{})) {
		t.Errorf("only %d values were compared", compared)
	}
}

// oursOf is what a component has, in words that can be compared.
func oursOf(c pod.Component) map[string]string {
	all := map[string]string{
		"image": c.Image, "platform": c.Platform, "working_dir": c.WorkingDir, "user": c.User, "stop_signal": c.StopSignal,
		"entrypoint": fmt.Sprintf("%q", c.Entrypoint), "command": fmt.Sprintf("%q", c.Command),
		"environment": fmt.Sprintf("%q", c.Env), "labels": fmt.Sprintf("%q", c.Labels),
		"tty": fmt.Sprint(c.TTY), "stdin_open": fmt.Sprint(c.StdinOpen), "init": fmt.Sprint(c.Init != nil && *c.Init),
		"stop_grace_period": c.StopGrace.String(),
		"privileged":        fmt.Sprint(c.Security.Privileged), "read_only": fmt.Sprint(c.Security.ReadOnly),
		"cap_add": sorted(c.Security.CapAdd), "cap_drop": sorted(c.Security.CapDrop), "group_add": sorted(c.Security.Groups),
		"security_opt": sorted(c.Security.Options), "sysctls": fmt.Sprintf("%q", c.Sysctls),
		"shm_size": fmt.Sprint(c.ShmSize), "memory": fmt.Sprint(c.Resources.Memory), "reserved": fmt.Sprint(c.Resources.MemoryReservation),
		"cpus": fmt.Sprint(c.Resources.CPUs), "pids": fmt.Sprint(c.Resources.Pids),
		"logging":     fmt.Sprintf("%s %q", c.Logging.Driver, c.Logging.Options),
		"healthcheck": "as the image has it", "restart": fmt.Sprintf("%s, at most %d times", cmp.Or(c.Restart.Policy, pod.RestartNo), c.Restart.Max),
	}
	if h := c.Health; h != nil && h.Disable {
		all["healthcheck"] = "none"
	} else if h != nil {
		all["healthcheck"] = checkWords(h.Test, h.Interval, h.Timeout, h.StartPeriod, h.StartInterval, h.Retries)
	}
	var depends, ulimits, volumes, devices []string
	for _, d := range c.DependsOn {
		depends = append(depends, fmt.Sprintf("%s: %s, optional %v, restart %v", d.Name, d.Condition, d.Optional, d.Restart))
	}
	for name, l := range c.Resources.Ulimits {
		ulimits = append(ulimits, fmt.Sprintf("%s %d %d", name, l[0], l[1]))
	}
	for _, v := range c.Volumes {
		if v.Kind == pod.Tmpfs {
			volumes = append(volumes, v.Target+" tmpfs")
			continue
		}
		volumes = append(volumes, fmt.Sprintf("%s read-only %v", v.Target, v.ReadOnly))
	}
	for target := range c.Tmpfs {
		volumes = append(volumes, target+" tmpfs")
	}
	for _, d := range c.Devices {
		devices = append(devices, fmt.Sprintf("%s:%s:%s", d.Source, d.Target, d.Permissions))
	}
	all["depends_on"], all["ulimits"], all["volumes"], all["devices"] = sorted(depends), sorted(ulimits), sorted(volumes), sorted(devices)
	return all
}

// theirsOf is what a service has, in the same words.
func theirsOf(s types.ServiceConfig) map[string]string {
	env := map[string]string{}
	for name, value := range s.Environment {
		if value != nil {
			env[name] = *value
		}
	}
	all := map[string]string{
		"image": s.Image, "platform": s.Platform, "working_dir": s.WorkingDir, "user": s.User, "stop_signal": s.StopSignal,
		"entrypoint": fmt.Sprintf("%q", []string(s.Entrypoint)), "command": fmt.Sprintf("%q", []string(s.Command)),
		"environment": fmt.Sprintf("%q", env), "labels": fmt.Sprintf("%q", map[string]string(s.Labels)),
		"tty": fmt.Sprint(s.Tty), "stdin_open": fmt.Sprint(s.StdinOpen), "init": fmt.Sprint(s.Init != nil && *s.Init),
		"stop_grace_period": span(s.StopGracePeriod, 10*time.Second).String(),
		"privileged":        fmt.Sprint(s.Privileged), "read_only": fmt.Sprint(s.ReadOnly),
		"cap_add": sorted(s.CapAdd), "cap_drop": sorted(s.CapDrop), "group_add": sorted(s.GroupAdd),
		"security_opt": sorted(s.SecurityOpt), "sysctls": fmt.Sprintf("%q", map[string]string(s.Sysctls)),
		"shm_size": fmt.Sprint(int64(s.ShmSize)), "memory": fmt.Sprint(int64(s.MemLimit)), "reserved": fmt.Sprint(int64(s.MemReservation)),
		"cpus": fmt.Sprint(int64(s.CPUS * 1e9)), "pids": fmt.Sprint(s.PidsLimit),
		"logging": ` map[]`, "healthcheck": "as the image has it", "restart": policyWords(s),
	}
	if s.Logging != nil {
		all["logging"] = fmt.Sprintf("%s %q", s.Logging.Driver, map[string]string(s.Logging.Options))
	}
	if d := s.Deploy; d != nil && d.Resources.Limits != nil {
		l := d.Resources.Limits
		all["memory"], all["cpus"] = fmt.Sprint(cmp.Or(int64(l.MemoryBytes), int64(s.MemLimit))), fmt.Sprint(cmp.Or(int64(l.NanoCPUs*1e9), int64(s.CPUS*1e9)))
		all["pids"] = fmt.Sprint(cmp.Or(l.Pids, s.PidsLimit))
	}
	if d := s.Deploy; d != nil && d.Resources.Reservations != nil {
		all["reserved"] = fmt.Sprint(cmp.Or(int64(d.Resources.Reservations.MemoryBytes), int64(s.MemReservation)))
	}
	if h := s.HealthCheck; h != nil && (h.Disable || len(h.Test) > 0 && h.Test[0] == "NONE") {
		all["healthcheck"] = "none"
	} else if h != nil {
		retries := 0
		if h.Retries != nil {
			retries = int(*h.Retries)
		}
		all["healthcheck"] = checkWords(h.Test, span(h.Interval, 0), span(h.Timeout, 0), span(h.StartPeriod, 0), span(h.StartInterval, 0), retries)
	}
	var depends, ulimits, volumes, devices []string
	for name, d := range s.DependsOn {
		depends = append(depends, fmt.Sprintf("%s: %s, optional %v, restart %v", name, d.Condition, !d.Required, d.Restart))
	}
	for name, l := range s.Ulimits {
		ulimits = append(ulimits, fmt.Sprintf("%s %d %d", name, cmp.Or(l.Single, l.Soft), cmp.Or(l.Single, l.Hard)))
	}
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeTmpfs {
			volumes = append(volumes, v.Target+" tmpfs")
			continue
		}
		volumes = append(volumes, fmt.Sprintf("%s read-only %v", v.Target, v.ReadOnly))
	}
	for _, target := range s.Tmpfs {
		volumes = append(volumes, target+" tmpfs")
	}
	for _, d := range s.Devices {
		devices = append(devices, fmt.Sprintf("%s:%s:%s", d.Source, d.Target, d.Permissions))
	}
	all["depends_on"], all["ulimits"], all["volumes"], all["devices"] = sorted(depends), sorted(ulimits), sorted(volumes), sorted(devices)
	return all
}

// checkWords are those of a health check.
func checkWords(test []string, interval, timeout, startPeriod, startInterval time.Duration, retries int) string {
	return fmt.Sprintf("%q every %s within %s, %d times, after %s every %s", test, interval, timeout, retries, startPeriod, startInterval)
}

// policyWords are those of a restart policy. That of deploy comes first.
func policyWords(s types.ServiceConfig) string {
	policy, most, _ := cutPolicy(s.Restart)
	if d := s.Deploy; d != nil && d.RestartPolicy != nil {
		policy = map[string]string{"none": "no", "any": "always", "": "always", "on-failure": "on-failure"}[d.RestartPolicy.Condition]
		if n := d.RestartPolicy.MaxAttempts; n != nil {
			most = int(*n)
		}
	}
	if policy == types.RestartPolicyUnlessStopped { // a pod that was stopped is gone
		policy = types.RestartPolicyAlways
	}
	return fmt.Sprintf("%s, at most %d times", policy, most)
}

// cutPolicy cuts on-failure:3 in two.
func cutPolicy(restart string) (policy string, most int, err error) {
	if _, err = fmt.Sscanf(restart, "on-failure:%d", &most); err == nil {
		return "on-failure", most, nil
	}
	return cmp.Or(restart, "no"), 0, nil
}

// span is a duration, or what it is where none is given.
func span(d *types.Duration, otherwise time.Duration) time.Duration {
	if d == nil {
		return otherwise
	}
	return time.Duration(*d)
}

// sorted are words in their order.
func sorted(words []string) string {
	return fmt.Sprintf("%q", slices.Sorted(slices.Values(words)))
}
