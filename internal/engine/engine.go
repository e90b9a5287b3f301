// Package engine is the port between a pod and whatever runs its containers: the
// value types, the kinds of errors and one interface, in our words.
//
// It knows neither pods nor Docker. Package engine/docker speaks to a daemon,
// package engine/fake keeps everything in memory, and package engine/enginetest
// holds what both must do.
package engine

import (
	"context"
	"errors"
	"io"
	"time"
)

// The kinds of errors a caller may branch on. Everything else is a fault.
var (
	// ErrNotFound: there is no such container, image or volume.
	ErrNotFound = errors.New("not found")
	// ErrCannotExecute: the component's command is there but cannot be executed.
	ErrCannotExecute = errors.New("cannot execute")
	// ErrNoCommand: the component's command is not in its image.
	ErrNoCommand = errors.New("command not found")
	// ErrDenied: the registry gives the image to others only, or says so of one that
	// it does not have.
	ErrDenied = errors.New("the registry refuses access")
	// ErrUnavailable: the image cannot be had at the moment; it may be worth another try.
	ErrUnavailable = errors.New("cannot be had at the moment")
	// ErrLeft: what was to be killed may still run.
	ErrLeft = errors.New("some of it may still run")
	// ErrReadOnly: what should be written to is read-only.
	ErrReadOnly = errors.New("read-only")
)

// FaultCode is the exit code when the engine is at fault, and nobody else.
const FaultCode = 125

// StartCode is the exit code for what could not be started for that reason, as docker
// run has it.
func StartCode(err error) int {
	switch {
	case errors.Is(err, ErrNoCommand):
		return 127
	case errors.Is(err, ErrCannotExecute):
		return 126
	}
	return FaultCode
}

// ID names a container, volume or image for the engine.
type ID string

// Engine runs containers.
//
// Every method may be called again after an error: removing what is gone and
// stopping what has stopped both succeed. Every method returns when ctx is done.
type Engine interface {
	// Inspect reports one container by ID or name, or ErrNotFound.
	Inspect(ctx context.Context, ref string) (Seen, error)
	// List reports the containers that carry every one of these labels, running or
	// not. An empty value stands for any value.
	List(ctx context.Context, labels map[string]string) ([]Seen, error)
	// Watch tells the signs of every container with these labels, until ctx is done or
	// the connection is lost. The health of all is told at the start, so who watches
	// again has missed none. What has died and what lacked memory while nobody watched
	// is not told.
	Watch(ctx context.Context, labels map[string]string, tell func(ID, Sign)) error

	// Create makes a container that does not run yet. If its owner stops, or StartWithin
	// is over, before Start was called, the engine removes it by itself wherever it can
	// be made to.
	// Warnings are the engine's words for what it will not do as it was asked to.
	Create(ctx context.Context, c Container) (id ID, warnings []string, err error)
	// Stat tells whether a path in a container is a directory, running or not, with
	// links followed and its volumes mounted. ErrNotFound: nothing is there.
	Stat(ctx context.Context, id ID, path string) (isDir bool, err error)
	// Put unpacks a tar archive into a container's directory, or into a volume that
	// it mounts. Parents that are not there are made, for all to read. ErrReadOnly: the
	// directory is in a read-only root or volume.
	Put(ctx context.Context, id ID, dir string, archive io.Reader) error
	// Read returns a regular file of a container, running or not: all of it, or the last
	// limit bytes. Links are followed and volumes mounted, but what is in a tmpfs is
	// not seen. ErrNotFound: there is no such file.
	Read(ctx context.Context, id ID, path string, limit int64) ([]byte, error)
	// Attach connects to a container's streams. Attached before Start it misses
	// no byte of output. It attaches to stdin too when the container was created with it.
	Attach(ctx context.Context, id ID, c Container) (Stream, error)
	// Wait returns once the engine has taken note that we wait; the channel then
	// gives the end of the container's next run. Call it before Start. A container
	// that is removed before it has run ends with 0.
	Wait(ctx context.Context, id ID) (<-chan Exit, error)
	// Start runs what was created. What went wrong with the component's command is
	// told by ErrCannotExecute and ErrNoCommand.
	Start(ctx context.Context, id ID) error
	// Exec runs a command in a running container and returns its exit code when it has
	// ended: 126 or 127 for one that cannot be executed or is not there. When ctx is
	// done before, the command and all that it has started are killed; Exec then returns
	// ctx's cause, and ErrLeft with what kept it from killing. It takes a few seconds for that, up to
	// twenty on an engine under load.
	Exec(ctx context.Context, id ID, e Exec) (code int, err error)
	// Stop asks the container to end with its stop signal, kills it when grace is
	// over (rounded up to whole seconds) and returns when it has ended.
	Stop(ctx context.Context, id ID, grace time.Duration) error
	// Resize tells a running container's terminal how large it is.
	Resize(ctx context.Context, id ID, rows, columns uint) error
	// Remove kills the container if it runs, removes it with its anonymous volumes
	// and returns when it is gone and its name is free.
	Remove(ctx context.Context, id ID) error

	// Image reports a local image, or ErrNotFound.
	Image(ctx context.Context, ref string) (Image, error)
	// Pull fetches an image for a platform such as linux/arm64, or the engine's own
	// if that is empty, telling how far it is. ErrNotFound: there is none; ErrDenied:
	// not with this credential; ErrUnavailable: not now.
	Pull(ctx context.Context, ref, platform string, with Credential, tell func(Progress)) error

	// Volumes reports the volumes that carry every one of these labels.
	Volumes(ctx context.Context, labels map[string]string) ([]Volume, error)
	// Volume reports one volume, or ErrNotFound.
	Volume(ctx context.Context, name string) (Volume, error)
	// RemoveVolume removes a volume that nothing uses.
	RemoveVolume(ctx context.Context, name string) error
}

// A Stream is the connection to a running container's stdin and output.
type Stream interface {
	// Copy passes the output on until the container ends or Close is called.
	Copy(stdout, stderr io.Writer) error
	// Write sends to stdin.
	io.Writer
	// CloseWrite ends stdin where the container was created with Stdin; its output
	// goes on.
	CloseWrite() error
	// Close lets go; a container that was created with Stdin sees its end.
	io.Closer
}

// An Exec is a command to run beside what runs in a container. What is empty is as
// the container has it.
type Exec struct {
	Command    []string
	Env        []string // added to the container's
	User       string
	WorkingDir string
	Privileged bool
	// Output gets what it prints, stdout and stderr alike. What it does not take is
	// lost. Nil: nobody gets it.
	Output io.Writer
}

// A Container is what is to be created. Nil slices mean "as the image says".
type Container struct {
	Name  string
	Image string
	// Platform is that of the image, such as linux/arm64. Empty: the engine's own.
	Platform string
	// Owner is the container whose end makes this one pointless (see Create).
	Owner ID
	// StartWithin, when not zero, is how long the container may stay without having
	// been started, instead of as long as its owner: for what is made again and again
	// while the owner lives. It has to be well above what the engine may take.
	StartWithin time.Duration

	Entrypoint []string
	Command    []string
	Env        []string
	WorkingDir string
	User       string
	Labels     map[string]string
	// Annotations are handed to the runtime.
	Annotations map[string]string
	Mounts      []Mount
	// Tmpfs are file systems in memory, by target, with their mount options.
	Tmpfs      map[string]string
	Health     *Check
	StopSignal string
	// StopGrace is what the engine gives it when somebody else stops it.
	StopGrace time.Duration
	TTY       bool
	// Stdin opens stdin for one attachment: when that ends, stdin ends.
	Stdin bool
	// StdinOpen keeps stdin open for ever, with or without an attachment.
	StdinOpen bool

	// Network, PID and IPC name the container to join; empty for one of its own.
	Network, PID, IPC ID
	// Offline gives it no network at all.
	Offline bool
	// ShareIPC lets others join the IPC namespace of this one.
	ShareIPC bool
	// ShmSize is that of /dev/shm in bytes, where IPC is not joined. Zero: the default.
	ShmSize    int64
	Namespaces Namespaces

	// Init runs the engine's init as the first process. Nil: as the engine is set up.
	Init *bool
	// Runtime and Isolation are empty for the engine's defaults.
	Runtime, Isolation string
	Logging            Logging
	Sysctls            map[string]string
	StorageOpt         map[string]string

	Resources      Resources
	Blkio          Blkio
	Security       Security
	Devices        []Device
	DeviceRules    []string
	DeviceRequests []DeviceRequest

	// OOMScoreAdj is set as it is when not nil.
	OOMScoreAdj *int
	// Locked drops every capability but those in Capabilities, makes the root
	// read-only and forbids new privileges.
	Locked       bool
	Capabilities []string
}

// A Mount is something mounted into a container.
type Mount struct {
	Type     MountType
	Source   string // empty for an anonymous volume and a tmpfs
	Target   string
	ReadOnly bool
	Labels   map[string]string // of a volume that the engine has to make
	// Options of the engine's own volume driver, for a volume that it has to make. Nil:
	// a directory of the engine's.
	Options map[string]string
	// NoCopy leaves a new volume empty.
	NoCopy bool
	// Subpath is the part of a volume that is mounted. Empty means all of it.
	Subpath string
	// Propagation and SELinux are the engine's words for a bind.
	Propagation, SELinux string
	// Recursive says what of the mounts below a bind: disabled, writable, readonly,
	// or empty for the engine's default.
	Recursive string
	// MustExist refuses a bind whose source is not there; otherwise it is made.
	MustExist bool
	// Size in bytes and Mode of a tmpfs. Zeros mean the engine's defaults.
	Size int64
	Mode uint32
}

// MountType is the engine's word for what a mount is.
type MountType string

// The types of mounts.
const (
	BindMount   MountType = "bind"
	VolumeMount MountType = "volume"
	TmpfsMount  MountType = "tmpfs"
)

// A Check is a health check. Zeros mean the engine's defaults.
type Check struct {
	Test                           []string
	Interval, Timeout, StartPeriod time.Duration
	StartInterval                  time.Duration
	Retries                        int
}

// Health is a container's health as the engine sees it.
type Health string

// The engine's words for health. NoHealth: it has no check.
const (
	NoHealth  Health = ""
	Starting  Health = "starting"
	Healthy   Health = "healthy"
	Unhealthy Health = "unhealthy"
)

// A Sign is something that shows of a container that runs.
type Sign struct {
	Kind SignKind
	// Health is how it is now, of a sign of that kind.
	Health Health
}

// SignKind says what a sign is about.
type SignKind string

// The kinds of signs.
const (
	SignHealth SignKind = "health"
	// SignOOM: the kernel killed a process in it for lack of memory. A real engine
	// under load may miss that of a container that ends by it.
	SignOOM SignKind = "oom"
	// SignDied: it has ended. It is the last sign of a container.
	SignDied SignKind = "died"
)

// Seen is a container as it is.
type Seen struct {
	ID       ID
	Name     string
	Image    string
	ImageID  ID // List does not tell it
	Labels   map[string]string
	Running  bool
	Health   Health
	ExitCode int
	// OOMKilled: the kernel killed something in it for lack of memory.
	OOMKilled bool
	// StartedAt and FinishedAt are zero where that has not happened. List tells
	// neither them nor OOMKilled.
	StartedAt, FinishedAt time.Time
	// Hostname and Argv are what the process in it can see of itself.
	Hostname string
	Argv     []string
	// Network is the container whose network it has joined, empty for none. List tells
	// it too.
	Network ID
	// Mounts are the volumes and host paths mounted into it.
	Mounts      []Mounted
	OOMScoreAdj int
	Limits      Limits
}

// Volumes are the names of the volumes mounted into it.
func (s Seen) Volumes() (names []string) {
	for _, m := range s.Mounts {
		if m.Type == VolumeMount {
			names = append(names, m.Name)
		}
	}
	return names
}

// Mounted is something that is mounted into a container.
type Mounted struct {
	Type MountType
	Name string // of a volume
	// Source is the path on the engine's machine, of a volume too.
	Source      string
	Target      string
	ReadOnly    bool
	Propagation string // of a bind
}

// An Exit is the end of a run.
type Exit struct {
	Code int
	// Err is set when the end could not be learned; Code means nothing then.
	Err error
}

// An Image is a local image, as far as a container's making needs it.
type Image struct {
	ID ID
	// Platform is what it is made for, such as linux/amd64 or linux/arm64/v8.
	Platform string
	// Volumes are the paths for which the engine makes anonymous volumes.
	Volumes []string
	// Checked: it has a health check of its own.
	Checked bool
}

// A Volume is a volume of the engine's.
type Volume struct {
	Name   string
	Labels map[string]string
}

// Progress is how far a pull is. Done and Total are bytes over all layers known so far.
type Progress struct {
	Status      string
	Done, Total int64
}
