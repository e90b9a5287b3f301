package main

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
)

// id prints who and where it is and with which arguments it was started.
func id(args []string) int {
	groups, _ := os.Getgroups()
	cwd, _ := os.Getwd()
	fmt.Printf("uid %d\ngid %d\ngroups %v\ncwd %s\n", os.Getuid(), os.Getgid(), groups, cwd)
	for _, a := range args {
		fmt.Println("arg", a)
	}
	return 0
}

// env prints the environment.
func env([]string) int {
	for _, variable := range os.Environ() {
		fmt.Println(variable)
	}
	return 0
}

// ps prints the processes there are, in the order of their numbers.
func ps([]string) int {
	pids, err := processes()
	if err != nil {
		return failed(err)
	}
	for _, pid := range pids {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it has ended since
		}
		fmt.Println(process(string(content)))
	}
	return 0
}

// find prints the processes that have one of the texts in their arguments or control
// groups, but not itself. A container's ID is in its processes' control groups, as
// seen from outside of it.
func find(args []string) int {
	pids, err := processes()
	if err != nil {
		return failed(err)
	}
	found := 1
	for _, pid := range pids {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // one that has ended has none
		groups, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if pid != os.Getpid() && containsAny(string(line)+string(groups), args) {
			fmt.Println(pid, strings.Join(strings.Split(string(line), "\x00"), " "))
			found = 0
		}
	}
	return found
}

// containsAny tells whether a text has one of the parts.
func containsAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// processes are the numbers of all processes of this PID namespace.
func processes() (pids []int, err error) {
	entries, err := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	sort.Ints(pids)
	return pids, err
}

// process is the line that ps prints for the content of a /proc/<pid>/stat. The
// name in it is in parentheses, and may hold spaces and parentheses itself.
func process(stat string) string {
	open, shut := strings.Index(stat, "("), strings.LastIndex(stat, ")")
	if open < 0 || shut+2 >= len(stat) {
		return strings.TrimSpace(stat)
	}
	return fmt.Sprintf("%s %c %s", strings.TrimSpace(stat[:open]), stat[shut+2], stat[open+1:shut])
}
