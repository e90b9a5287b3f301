package compose

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"

	"github.com/podlike/podlike/internal/pod"
)

// component turns what the loader made of the service into a component.
func (r *reader) component(s types.ServiceConfig) pod.Component {
	c := pod.Component{
		Name:        r.Name,
		Image:       r.image(s.Image),
		Platform:    r.platform(s.Platform),
		Pull:        r.pull(s.PullPolicy),
		Entrypoint:  s.Entrypoint,
		Command:     s.Command,
		Env:         r.environment("environment", r.envFiles(s.EnvFiles, s.Environment), s.Environment),
		WorkingDir:  s.WorkingDir,
		User:        s.User,
		Labels:      r.labels(s.LabelFiles, s.Labels),
		Annotations: s.Annotations,
		TTY:         s.Tty,
		StdinOpen:   s.StdinOpen,
		Volumes:     r.volumes(s.Volumes),
		Tmpfs:       r.tmpfs(s.Tmpfs),
		ShmSize:     int64(s.ShmSize),
		Health:      r.health(s.HealthCheck),
		StopSignal:  s.StopSignal,
		StopGrace:   orElse(s.StopGracePeriod, pod.DefaultStopGrace),
		DependsOn:   r.dependencies(s.DependsOn),
		Restart:     r.restart(s),
		PostStart:   r.hooks("post_start", s.PostStart),
		PreStop:     r.hooks("pre_stop", s.PreStop),
		Copies:      append(r.handedOn("secrets", s.Secrets), r.handedOn("configs", configs(s.Configs))...),
	}
	r.confine(&c, s)
	return c
}

// confine adds what the component may use and do.
func (r *reader) confine(c *pod.Component, s types.ServiceConfig) {
	c.Init, c.Runtime, c.Isolation = s.Init, s.Runtime, s.Isolation
	c.Logging = logging(s.Logging)
	c.Resources = r.resources(s)
	c.Blkio = r.blkio(s.BlkioConfig)
	if r.given["oom_score_adj"] != nil { // a score of 0 is one
		score := int(s.OomScoreAdj)
		c.OOMScoreAdj = &score
	}
	c.Security = pod.Security{
		Privileged: s.Privileged, ReadOnly: s.ReadOnly,
		CapAdd: s.CapAdd, CapDrop: s.CapDrop,
		Groups: s.GroupAdd, Options: r.securityOptions(s.SecurityOpt),
	}
	c.Namespaces = pod.Namespaces{User: s.UserNSMode, UTS: s.Uts, Cgroup: s.Cgroup}
	c.Sysctls, c.StorageOpt = s.Sysctls, s.StorageOpt
	c.DeviceRules = s.DeviceCgroupRules
	_, reserved := deployed(s.Deploy)
	mapped, described := devices(s.Devices)
	c.Devices, c.DeviceRequests = mapped, append(described, requests(s.Gpus, reserved.Devices)...)
}

func logging(l *types.LoggingConfig) pod.Logging {
	if l == nil {
		return pod.Logging{}
	}
	return pod.Logging{Driver: l.Driver, Options: l.Options}
}

// pull says when the component's image is pulled, nothing if the service does not say.
func (r *reader) pull(policy string) pod.Pull {
	switch policy {
	case types.PullPolicyIfNotPresent:
		return pod.Missing
	case "", string(pod.Missing), string(pod.Always), string(pod.Never):
		return pod.Pull(policy)
	case types.PullPolicyBuild:
		r.wrong("pull_policy", "build is not supported in a pod; %s", ownImage)
	default:
		r.wrong("pull_policy", "%s is not supported in a pod; use always, missing or never", Quote(policy))
	}
	return ""
}

// aliases are names that some give to architectures.
var aliases = map[string]string{"x86_64": "amd64", "aarch64": "arm64", "armhf": "arm"}

// platform is the platform by the names that engines have for it.
func (r *reader) platform(given string) string {
	if given == "" {
		return ""
	}
	parts := strings.Split(strings.ToLower(given), "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		r.mustBe("platform", forms["platform"], given)
		return ""
	}
	parts[1] = cmp.Or(aliases[parts[1]], parts[1])
	return strings.Join(parts, "/")
}

// image checks that the engine can read the image's name.
func (r *reader) image(image string) string {
	if image == "" {
		return ""
	}
	if _, err := reference.ParseAnyReference(image); err != nil {
		r.wrong("image", "%s is no image reference such as nginx:1.27: %s", Quote(image), strings.TrimPrefix(err.Error(), "invalid reference format: "))
	}
	return image
}

// environment adds the variables that are to be set to those of files, nil if there are
// none. One that was written without a value has the supervisor's, and is not set when
// the supervisor has none (Compose: environment).
func (r *reader) environment(path string, env map[string]string, m types.MappingWithEquals) map[string]string {
	if m != nil && env == nil {
		env = map[string]string{}
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if key == "" || strings.Contains(key, "=") {
			r.wrong(path, "%s is no name of a variable", Quote(key))
			continue
		}
		if given := m[key]; given != nil {
			env[key] = *given
		} else if own, found := r.own.Lookup(key); found {
			env[key] = own
		} else {
			delete(env, key)
		}
	}
	return env
}

// health is the component's own check, nil when the service says nothing of it.
func (r *reader) health(h *types.HealthCheckConfig) *pod.Health {
	switch {
	case h == nil:
		return nil
	case h.Disable || isNoTest(h.Test):
		return &pod.Health{Disable: true}
	}
	return &pod.Health{
		Test:          r.test(h.Test),
		Interval:      orElse(h.Interval, 0),
		Timeout:       orElse(h.Timeout, 0),
		StartPeriod:   orElse(h.StartPeriod, 0),
		StartInterval: orElse(h.StartInterval, 0),
		Retries:       r.retries(h.Retries),
	}
}

// retries is how often the test may fail in a row, zero when the service does not say.
func (r *reader) retries(given *uint64) int {
	if given == nil {
		return 0
	}
	if *given > math.MaxInt32 {
		r.mustBe("healthcheck.retries", forms["healthcheck.retries"], *given)
	}
	return int(*given)
}

// isNoTest tells whether the test switches the check off: as the list [NONE], or as
// the word alone, of which the loader makes a shell's command.
func isNoTest(test []string) bool {
	return len(test) > 0 && test[0] == "NONE" || slices.Equal(test, []string{"CMD-SHELL", "NONE"})
}

// test is the test as the engine has it, and reported if it could not run it.
func (r *reader) test(test []string) []string {
	if len(test) == 0 {
		return nil
	}
	if known := test[0] == "CMD" || test[0] == "CMD-SHELL"; !known || len(test) == 1 {
		r.mustBe("healthcheck.test", forms["healthcheck.test"], test)
	}
	return test
}

// orElse is the duration that was given, or else the other one.
func orElse(given *types.Duration, other time.Duration) time.Duration {
	if given == nil {
		return other
	}
	return time.Duration(*given)
}
