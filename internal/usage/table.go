package usage

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Totals is a table for people of what is used now and has been so far, first by the pod. Below it is what
// is not known, and why.
func Totals(s Sample) string {
	return table(s, []string{"NAME", "MEMORY", "CPU TIME", "CPU LIMIT", "PIDS", "READ", "WRITTEN"}, func(r Row) []string {
		u, l := r.Usage, r.most()
		return []string{
			of(size(u.MemoryBytes), l.MemoryBytes, size), cpuTime(u.CPUSeconds), orDash(l.CPUs, cores),
			of(count(u.Pids), l.Pids, count), size(u.ReadBytes), size(u.WrittenBytes),
		}
	})
}

// Live is a table for people of what is used now, in cores and bytes a second, first by the pod. Below it
// is the pressure, and what is not known.
func Live(s Sample) string {
	return table(s, []string{"NAME", "MEMORY", "CPU", "PIDS", "READ/S", "WRITTEN/S"}, func(r Row) []string {
		u, l := r.Usage, r.most()
		cells := []string{of(size(u.MemoryBytes), l.MemoryBytes, size), "-", of(count(u.Pids), l.Pids, count), "-", "-"}
		if now := u.Rates; now != nil {
			cells[1] = of(strconv.FormatFloat(now.CPUCores, 'f', 3, 64), l.CPUs, cores)
			cells[3], cells[4] = size(now.ReadBytesPerSecond), size(now.WrittenBytesPerSecond)
		}
		return cells
	})
}

// table has a row for the pod and for each of its containers, with these cells of what is used.
func table(s Sample, columns []string, cells func(Row) []string) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")) }
	row(columns...)
	rows := append([]Row{s.Pod}, s.Containers...)
	for _, r := range rows {
		if r.Usage != nil {
			row(append([]string{r.called()}, cells(r)...)...)
			continue
		}
		row(append([]string{r.called()}, strings.Split(strings.Repeat("-", len(columns)-1), "")...)...)
	}
	_ = w.Flush() // to memory
	if p := s.Pod.Pressure; p != nil {
		fmt.Fprintf(&text, "\nPRESSURE (10 s)  memory %.2f%%  cpu %.2f%%  io %.2f%%\n", p.Memory, p.CPU, p.IO)
	}
	text.WriteString(unknown(rows))
	return text.String()
}

// unknown is what is not known, a line a row that lacks something, behind an empty one.
func unknown(rows []Row) (text string) {
	for _, r := range rows {
		if r.Error != "" {
			text += r.called() + ": " + r.Error + "\n"
		}
	}
	if text == "" {
		return ""
	}
	return "\n" + text
}

// called is what people read of whom a row is: in parentheses what is no component, and what a component
// is that is not the usual thing.
func (r Row) called() string {
	switch r.Role {
	case "":
		if r.Name == "" { // there is no pod yet
			return "-"
		}
		return r.Name
	case RolePause, RoleDebug, RoleSupervisor:
		return "(" + r.Name + ")"
	case "component":
		return r.Name
	}
	return r.Name + " (" + r.Role + ")"
}

// most are the limits, or none.
func (r Row) most() Limits {
	if r.Limits == nil {
		return Limits{}
	}
	return *r.Limits
}

// of is what is used of a limit, or without one what is used.
func of[N int64 | float64](used string, limit N, form func(N) string) string {
	if limit == 0 {
		return used
	}
	return used + " / " + form(limit)
}

// orDash is a limit, if it is one.
func orDash[N int64 | float64](limit N, form func(N) string) string {
	if limit == 0 {
		return "-"
	}
	return form(limit)
}

// size is a number of bytes, in units as memory limits have them: 64m is 64.0 MiB.
func size(bytes int64) string {
	const letters = "KMGTPE"
	if bytes < 1<<10 {
		return strconv.FormatInt(bytes, 10) + " B"
	}
	n, unit := float64(bytes)/(1<<10), 0
	for n >= 1023.95 && unit < len(letters)-1 { // which would be written as 1024.0
		n, unit = n/(1<<10), unit+1
	}
	return fmt.Sprintf("%.1f %ciB", n, letters[unit])
}

// cores is a number of processors as users write it, such as 0.5.
func cores(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// count is a number of processes.
func count(n int64) string { return strconv.FormatInt(n, 10) }

// cpuTime is a time in hundredths of a second, from a minute on in seconds.
func cpuTime(seconds float64) string {
	if seconds < 59.995 {
		return strconv.FormatFloat(seconds, 'f', 2, 64) + "s"
	}
	return (time.Duration(seconds+0.5) * time.Second).String()
}
