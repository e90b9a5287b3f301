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

// The kinds of errors a caller may branch on.
var (
	// ErrNotFound: there is no such container, image or volume.
	ErrNotFound = errors.New("not found")
	// ErrNameInUse: another container has that name.
	ErrNameInUse = errors.New("the name is in use")
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
	// ErrNoLog: the container's log driver does not let anybody read.
	ErrNoLog = errors.New("its log driver cannot be read")

	// ErrUnreachable: the engine did not answer, or something on the way to it answered
	// in its place. It says nothing of a container, and whether the engine did what it
	// was asked to is not known.
	ErrUnreachable = errors.New("the engine cannot be reached")
	// ErrNotSent goes with ErrUnreachable where the engine has certainly not been asked.
	ErrNotSent = errors.New("nothing was sent")
	// ErrInternal: the engine answered that it failed, for no reason that is known to
	// last. It may do better at another try.
	ErrInternal = errors.New("the engine has failed")
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

// Engine runs containers: all that the parts of this program ask of one. Who needs less
// should ask for one of the interfaces that it is made of.
//
// Every method may be called again after an error: removing what is gone, starting what
// runs and signalling what has ended all succeed. Every method returns when ctx is done.
// No method tries again by itself.
type Engine interface {
	Containers
	Output
	Files
	Commands
	Images
	Volumes
	Events
	Machine
}

// Containers are made, run and removed.
type Containers interface {
	// Inspect reports one container by ID or name, or ErrNotFound.
	Inspect(ctx context.Context, ref string) (Seen, error)
	// List reports the containers that carry every one of these labels, running or
	// not. An empty value stands for any value.
	List(ctx context.Context, labels map[string]string) ([]Seen, error)
	// Create makes a container that does not run yet. ErrNameInUse: its name is another's,
	// perhaps one that an earlier call made whose answer was lost.
	// Warnings are the engine's words for what it will not do as it was asked to.
	Create(ctx context.Context, c Container) (id ID, warnings []string, err error)
	// Start runs what was created. What went wrong with the component's command is
	// told by ErrCannotExecute and ErrNoCommand.
	Start(ctx context.Context, id ID) error
	// Wait returns once the engine has taken note that we wait; the channel then
	// gives the end of the container's next run. Call it before Start. A container
	// that is removed before it has run ends with 0. A wait that is cut ends with
	// ErrUnreachable.
	Wait(ctx context.Context, id ID) (<-chan Exit, error)
	// Rename gives a container another name. ErrNameInUse: it is another's. One that has it
	// already keeps it.
	Rename(ctx context.Context, id ID, name string) error
	// Signal sends a container's first process a signal such as SIGTERM. What does not run
	// gets none, which is no error.
	Signal(ctx context.Context, id ID, signal string) error
	// Resize tells a running container's terminal how large it is.
	Resize(ctx context.Context, id ID, rows, columns uint) error
	// Limit lowers or raises what a container may use, also before its start. A zero stays as it is.
	Limit(ctx context.Context, id ID, l Limits) error
	// Usage reports what a running container uses now. Of one that does not run it is zero.
	Usage(ctx context.Context, id ID) (Usage, error)
	// Remove kills the container if it runs, removes it with its anonymous volumes
	// and returns when it is gone and its name is free.
	Remove(ctx context.Context, id ID) error
}

// Output is what containers print.
type Output interface {
	// Attach connects to a container's streams. Attached before Start it misses
	// no byte of output. It attaches to stdin too when the container was created with it.
	Attach(ctx context.Context, id ID, c Container) (Stream, error)
	// Log reads what the engine has kept of a container's output from a time on, the zero
	// time for all of it, and goes on with what is yet to come. TTY says that the container
	// has one: then there are no times in the records. ErrNoLog: its log driver cannot be
	// read. ErrNotFound: it is gone.
	Log(ctx context.Context, id ID, tty bool, since time.Time) (Log, error)
}

// Files are copied from and to containers.
type Files interface {
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
}

// Commands run beside what runs in a container.
type Commands interface {
	// Exec runs a command in a running container and returns its exit code when it has
	// ended: 126 or 127 for one that cannot be executed or is not there. When ctx is
	// done before, the command and all that it has started are killed; Exec then returns
	// ctx's cause, and ErrLeft with what kept it from killing. It takes a few seconds for that, up to
	// twenty on an engine under load.
	Exec(ctx context.Context, id ID, e Exec) (code int, err error)
}

// Images are what containers are made of.
type Images interface {
	// Image reports a local image, or ErrNotFound.
	Image(ctx context.Context, ref string) (Image, error)
	// Pull fetches an image for a platform such as linux/arm64, or the engine's own
	// if that is empty, telling how far it is. ErrNotFound: there is none; ErrDenied:
	// not with this credential; ErrUnavailable: not now.
	Pull(ctx context.Context, ref, platform string, with Credential, tell func(Progress)) error
}

// Volumes are what containers keep.
type Volumes interface {
	// Volumes reports the volumes that carry every one of these labels.
	Volumes(ctx context.Context, labels map[string]string) ([]Volume, error)
	// Volume reports one volume, or ErrNotFound.
	Volume(ctx context.Context, name string) (Volume, error)
	// RemoveVolume removes a volume that nothing uses.
	RemoveVolume(ctx context.Context, name string) error
}

// Events are what happens to containers.
type Events interface {
	// Watch tells the signs of every container with these labels, until ctx is done or
	// the connection is lost. The health of all is told at the start, so who watches
	// again has missed none. Other signs from before are not told: see Past.
	Watch(ctx context.Context, labels map[string]string, tell func(Sign)) error
	// Past are the signs of containers with these labels since a time, the oldest first, as
	// far as the engine remembers them: it keeps but the last few hundred of all there are,
	// and none beyond its own end. Those of health are not among them.
	Past(ctx context.Context, labels map[string]string, since time.Time) ([]Sign, error)
}

// Machine is what containers run on.
type Machine interface {
	// Info reports how the engine's machine is set up.
	Info(ctx context.Context) (Info, error)
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

// A Log is what an engine has kept of a container's output, and what comes after that.
type Log interface {
	// Next waits for the next record. io.EOF: the container has ended and there is no
	// more.
	Next() (Record, error)
	io.Closer
}

// A Record is a piece of output as the engine has kept it: a line, or a part of a long one.
type Record struct {
	At     time.Time // when the engine got it; zero where it does not tell
	Stderr bool
	Text   []byte // with its line's end, if it has one; valid until the next call
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

	Resources Resources
	Blkio     Blkio
	// CgroupParent is what its control group is below: a path or, of systemd, the name of a
	// slice. Empty: the engine's own place.
	CgroupParent   string
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
	// Driver makes a volume that is not there, with the Options. Empty: the engine's own
	// driver, for which a volume without options is a directory.
	Driver  string
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

// A FailedCheck is how a health check of the engine's has failed.
type FailedCheck struct {
	// Code is the exit code of its test. -1: there is none, as it took too long or could
	// not be run.
	Code int
	// Said is the beginning of what the test has printed, or what the engine says of one
	// that has no code.
	Said string
	// NoCommand: there is no such program in the container as the test is to run. Shell:
	// that is a shell, with the test as a line for it.
	NoCommand, Shell bool
}

// A Sign is something that shows of a container.
type Sign struct {
	Container ID
	Kind      SignKind
	// Health is how it is now, of a sign of that kind.
	Health Health
	// Signal is the number of the one that it was sent, of SignSignalled.
	Signal int
	// Code is its exit code, of SignDied.
	Code int
	// At is the engine's time. Zero: it does not tell.
	At time.Time
}

// SignKind says what a sign is about.
type SignKind string

// The kinds of signs.
const (
	SignHealth SignKind = "health"
	// SignOOM: the kernel killed a process in it for lack of memory. A real engine
	// under load may miss that of a container that ends by it.
	SignOOM SignKind = "oom"
	// SignSignalled: the engine was asked, by whomever, to send it a signal, and has.
	SignSignalled SignKind = "signalled"
	// SignDied: it has ended. It is the last sign of a container.
	SignDied SignKind = "died"
)

// Seen is a container as it is.
type Seen struct {
	ID      ID
	Name    string
	Image   string
	ImageID ID // List does not tell it
	Labels  map[string]string
	// Running: it does, is paused, or the engine is about to start it again.
	Running bool
	// Paused: it runs, and nothing in it does. List does not tell it.
	Paused bool
	// Created: it was made and has never run.
	Created bool
	Health  Health
	// FailedCheck is the last one that has failed, also of what is healthy by now, as far as the
	// engine remembers. Zero: none has. List does not tell it.
	FailedCheck FailedCheck
	ExitCode    int
	// OOMKilled: the kernel killed something in it for lack of memory.
	OOMKilled bool
	// StartedAt and FinishedAt are zero where that has not happened. List tells
	// neither them nor OOMKilled.
	StartedAt, FinishedAt time.Time
	// StopSignal asks what runs in it to end. Empty: SIGTERM. List does not tell it.
	StopSignal string
	// StopTimeout is how long the engine lets it take to stop, where its user has said so. Zero:
	// nobody has, or Swarm has, which tells nobody. List does not tell it.
	StopTimeout time.Duration
	// Hostname and Argv are what the process in it can see of itself.
	Hostname string
	Argv     []string
	// Network is the container whose network it has joined, empty for none. List tells
	// it too.
	Network ID
	// Modes say what it has of its own, and what it shares. List does not tell them.
	Modes Modes
	// Mounts are the volumes and host paths mounted into it.
	Mounts      []Mounted
	OOMScoreAdj int
	Limits      Limits
	// CgroupParent is what its control group was asked to be below. Empty: nobody has asked.
	// List does not tell it.
	CgroupParent string
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

// Modes are the engine's words for a container's namespaces.
type Modes struct {
	// Network is none, host, or something else for one that has a network.
	Network string
	// PID is empty for a namespace of its own.
	PID string
	// IPC is shareable for a namespace that others may join.
	IPC string
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
	// Ports are those that it exposes, such as 80/tcp.
	Ports []string
	// Checked: it has a health check of its own.
	Checked bool
	// StopSignal asks what runs in it to end. Empty: SIGTERM.
	StopSignal string
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

// Info is how an engine's machine is set up.
type Info struct {
	// CgroupVersion is 1 or 2, and CgroupDriver who makes control groups: CgroupFS or Systemd.
	CgroupVersion int
	CgroupDriver  string
	// Rootless: the engine is not run by root. UserNS: root in a container is somebody else outside.
	Rootless, UserNS bool
}

// The drivers of control groups.
const (
	CgroupFS = "cgroupfs"
	Systemd  = "systemd"
)

// Usage is what something uses at a moment, or has used so far.
type Usage struct {
	// Memory is the working set in bytes, as the kubelet counts it: without the part of the page
	// cache that has not been looked at lately.
	Memory int64
	// CPU is the processors' time so far.
	CPU time.Duration
	// Pids is how many processes and threads there are.
	Pids int64
	// Read and Written are bytes from and to block devices so far.
	Read, Written int64
}
