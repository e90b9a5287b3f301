package compose

import (
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/podlike/podlike/internal/pod"
)

// component turns what the loader made of the service into a component.
func (r *reader) component(s types.ServiceConfig) pod.Component {
	image, own := imageReader{r.report}, ownReader{r.report, r.own}
	mounts, secrets := volumeReader{r.report}, secretReader{r.report}
	c := pod.Component{
		Name:        r.Name,
		Image:       image.image(s.Image),
		Platform:    image.platform(s.Platform),
		Pull:        image.pull(s.PullPolicy),
		Entrypoint:  s.Entrypoint,
		Command:     s.Command,
		Env:         own.environment("environment", own.envFiles(s.EnvFiles, s.Environment), s.Environment),
		WorkingDir:  s.WorkingDir,
		User:        s.User,
		Labels:      own.labels(s.LabelFiles, s.Labels),
		Annotations: s.Annotations,
		TTY:         s.Tty,
		StdinOpen:   s.StdinOpen,
		Volumes:     mounts.volumes(s.Volumes),
		Tmpfs:       mounts.tmpfs(s.Tmpfs),
		ShmSize:     int64(s.ShmSize),
		Health:      healthReader{r.report}.health(s.HealthCheck),
		StopSignal:  s.StopSignal,
		StopGrace:   orElse(s.StopGracePeriod, pod.DefaultStopGrace),
		DependsOn:   dependencies(s.DependsOn),
		Restart:     restartReader{r.report}.restart(s),
		PostStart:   r.commands().hooks("post_start", s.PostStart),
		PreStop:     r.commands().hooks("pre_stop", s.PreStop),
		Copies:      append(secrets.handedOn("secrets", s.Secrets), secrets.handedOn("configs", configs(s.Configs))...),
	}
	r.confine(&c, s)
	return c
}

// confine adds what the component may use and do.
func (r *reader) confine(c *pod.Component, s types.ServiceConfig) {
	c.Init, c.Runtime, c.Isolation = s.Init, s.Runtime, s.Isolation
	c.Logging = logging(s.Logging)
	resources := resourceReader{r.report, r.given}
	c.Resources = resources.resources(s)
	c.Blkio = resources.blkio(s.BlkioConfig)
	if r.given["oom_score_adj"] != nil { // a score of 0 is one
		score := int(s.OomScoreAdj)
		c.OOMScoreAdj = &score
	}
	c.Security = pod.Security{
		Privileged: s.Privileged, ReadOnly: s.ReadOnly,
		CapAdd: s.CapAdd, CapDrop: s.CapDrop,
		Groups: s.GroupAdd, Options: ownReader{r.report, r.own}.securityOptions(s.SecurityOpt),
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

// orElse is the duration that was given, or else the other one.
func orElse(given *types.Duration, other time.Duration) time.Duration {
	if given == nil {
		return other
	}
	return time.Duration(*given)
}
