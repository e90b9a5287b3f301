package usage

import (
	"math"
	"time"

	"github.com/podlike/podlike/internal/engine"
)

// A Sample is what a pod and its containers use at a moment. Programs read it as JSON: fields may be
// added, and those that are there keep their names.
type Sample struct {
	At         time.Time `json:"time"`
	Pod        Row       `json:"pod"`
	Containers []Row     `json:"containers"`
}

// A Row is what one container uses, or the pod.
type Row struct {
	Name string `json:"name"`
	// Role is a component's in its pod, or one of those above. Empty: it is the pod.
	Role string    `json:"role,omitempty"`
	ID   engine.ID `json:"containerID,omitempty"`
	// Usage is nil of what does not run, and where it is not known.
	Usage *Amounts `json:"usage,omitempty"`
	// Limits are nil where nothing is limited, and where they are not known.
	Limits *Limits `json:"limits,omitempty"`
	// Pressure is only told of the pod, where the kernel does.
	Pressure *Pressure `json:"pressure,omitempty"`
	// Error says what is not known, and why.
	Error string `json:"error,omitempty"`

	at    time.Time // when the answer came
	whole bool      // the pod was measured as a whole, and its containers are not added up
}

// Amounts are what is used now, or has been so far.
type Amounts struct {
	// MemoryBytes is the working set as the kubelet counts it: without the part of the page cache that
	// was not looked at lately.
	MemoryBytes int64 `json:"memoryBytes"`
	// CPUSeconds is the processors' time so far.
	CPUSeconds float64 `json:"cpuSeconds"`
	// Pids is how many processes and threads there are.
	Pids int64 `json:"pids"`
	// ReadBytes and WrittenBytes are from and to block devices so far.
	ReadBytes    int64 `json:"readBytes"`
	WrittenBytes int64 `json:"writtenBytes"`
	// Rates are nil before there is a sample to compare with.
	*Rates
}

// Rates are what was used since the sample before.
type Rates struct {
	// CPUCores is how many processors were busy, in thousandths.
	CPUCores              float64 `json:"cpuCores"`
	ReadBytesPerSecond    int64   `json:"readBytesPerSecond"`
	WrittenBytesPerSecond int64   `json:"writtenBytesPerSecond"`
}

// Limits are what may be used at most. A zero limits nothing.
type Limits struct {
	MemoryBytes int64 `json:"memoryBytes,omitempty"`
	// CPUs are processors, such as 0.5.
	CPUs float64 `json:"cpus,omitempty"`
	Pids int64   `json:"pids,omitempty"`
	// CPUSet lists those that it may run on, such as 0-2,5.
	CPUSet string `json:"cpuset,omitempty"`
}

// Pressure is for which part of the last ten seconds something had to wait for lack of memory, processors
// or block devices, in percent (the kernel's PSI: avg10 of some).
type Pressure struct {
	Memory float64 `json:"memory"`
	CPU    float64 `json:"cpu"`
	IO     float64 `json:"io"`
}

// Since is a sample with rates of what has happened since one before it. What was not there then, or was
// another container, has none.
func (s Sample) Since(before Sample) Sample {
	then := map[engine.ID]Row{}
	for _, r := range before.Containers {
		then[r.ID] = r
	}
	rows := make([]Row, len(s.Containers))
	var sum *Rates
	for i, r := range s.Containers {
		rows[i] = r.since(then[r.ID])
		if u := rows[i].Usage; u != nil && r.Role != RoleSupervisor {
			sum = sum.plus(u.Rates)
		}
	}
	s.Containers = rows
	switch {
	case s.Pod.whole:
		s.Pod = s.Pod.since(before.Pod)
	case s.Pod.Usage != nil: // the sum of another set of containers says nothing of a rate
		s.Pod = s.Pod.with(sum)
	}
	return s
}

// since is a row with rates since one before it, where both are of the same run.
func (r Row) since(before Row) Row {
	took := r.at.Sub(before.at).Seconds()
	if r.Usage == nil || before.Usage == nil || r.whole != before.whole || took <= 0 || r.Usage.CPUSeconds < before.Usage.CPUSeconds {
		return r
	}
	now, then := r.Usage, before.Usage
	perSecond := func(n int64) int64 { return int64(math.Round(float64(max(n, 0)) / took)) }
	return r.with(&Rates{
		CPUCores:              math.Round((now.CPUSeconds-then.CPUSeconds)/took*1000) / 1000,
		ReadBytesPerSecond:    perSecond(now.ReadBytes - then.ReadBytes),
		WrittenBytesPerSecond: perSecond(now.WrittenBytes - then.WrittenBytes),
	})
}

// with is a row with rates.
func (r Row) with(rates *Rates) Row {
	used := *r.Usage
	used.Rates = rates
	r.Usage = &used
	return r
}

// plus adds rates up. Nil are those that nobody knows.
func (r *Rates) plus(more *Rates) *Rates {
	switch {
	case r == nil:
		return more
	case more == nil:
		return r
	}
	return &Rates{
		CPUCores:              math.Round((r.CPUCores+more.CPUCores)*1000) / 1000,
		ReadBytesPerSecond:    r.ReadBytesPerSecond + more.ReadBytesPerSecond,
		WrittenBytesPerSecond: r.WrittenBytesPerSecond + more.WrittenBytesPerSecond,
	}
}

// plus adds amounts up, without rates. Nil are none.
func (a *Amounts) plus(more Amounts) *Amounts {
	more.Rates = nil
	if a == nil {
		return &more
	}
	return &Amounts{
		MemoryBytes: a.MemoryBytes + more.MemoryBytes,
		CPUSeconds:  math.Round((a.CPUSeconds+more.CPUSeconds)*1e6) / 1e6,
		Pids:        a.Pids + more.Pids,
		ReadBytes:   a.ReadBytes + more.ReadBytes, WrittenBytes: a.WrittenBytes + more.WrittenBytes,
	}
}

// amounts are what an engine says, in the words of a sample.
func amounts(u engine.Usage) *Amounts {
	return &Amounts{MemoryBytes: u.Memory, CPUSeconds: u.CPU.Seconds(), Pids: u.Pids, ReadBytes: u.Read, WrittenBytes: u.Written}
}

// limits are those of an engine's, in the words of a sample. What is negative limits nothing.
func limits(l engine.Limits) *Limits {
	found := Limits{MemoryBytes: max(l.Memory, 0), CPUs: float64(max(l.CPUs, 0)) / 1e9, Pids: max(l.Pids, 0), CPUSet: l.CPUSet}
	if found == (Limits{}) {
		return nil
	}
	return &found
}
