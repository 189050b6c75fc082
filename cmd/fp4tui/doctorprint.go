package main

import (
	"fmt"
	"io"
	"strings"

	"fp4tui/exec/worker/bridge"
	"fp4tui/inspect"
)

// print writes a diagnosis for people. Whatever a driver, a library or another process
// said is made safe for a terminal.
func (d diagnosis) print(w io.Writer) {
	say := func(format string, args ...any) { fmt.Fprintln(w, inspect.Printable(fmt.Sprintf(format, args...))) }
	say("fp4tui %s, %s, %s", d.Version, d.Go, d.Platform)
	say("cpu: %d threads, %s", d.Threads, orElse(strings.Join(d.CPU, " "), "no vector extension detected"))
	for _, p := range d.Paths {
		say("path: %s by %s (this processor has %s)", p.Work, p.Taken, strings.Join(p.Has, ", "))
	}
	say("backend ref: runs everywhere, portable Go")
	if d.Emulator == "passed" {
		say("backend emu: known-answer test passed")
	} else {
		say("backend emu: known-answer test FAILED: %s", d.Emulator)
	}
	d.printGPU(say)
	d.printPython(say)
}

func (d diagnosis) printGPU(say func(string, ...any)) {
	at := ""
	if d.Worker.At != "" {
		at = " at " + d.Worker.At
	}
	if d.Worker.Program == "" {
		say("worker%s: DOES NOT START: %s", at, d.Worker.Why)
	} else {
		say("worker%s: starts and answers, %s", at, d.Worker.Program)
	}
	switch {
	case d.Worker.Why != "":
		say("backend cuda: not available: %s", d.Worker.Why)
		if d.Worker.Cure != "" {
			say("  cure: %s", d.Worker.Cure)
		}
	default:
		say("backend cuda: %s", d.Worker.Device)
	}
	if d.GPU.Driver != "" {
		say("driver: %s, %s", d.GPU.Driver, d.GPU.DriverPath)
	}
	if d.GPU.Why != "" {
		say("driver: %s", d.GPU.Why)
		say("  cure: %s", d.GPU.Cure)
	}
	for _, device := range d.GPU.Devices {
		say("device %s", device)
	}
	for _, name := range d.GPU.Libraries {
		say("library: %s", name)
	}
	if d.Worker.Why != "" {
		var ran, never []string
		for _, k := range d.Kernels {
			if strings.HasSuffix(k.Status, "never run by its authors") {
				never = append(never, k.Backend)
			} else {
				ran = append(ran, k.Backend)
			}
		}
		say("kernels of a GPU build: %s; never run by their authors: %s", strings.Join(ran, ", "), strings.Join(never, ", "))
		return
	}
	for _, k := range d.Kernels {
		say("kernel %s: %s", k.Backend, k.state())
	}
}

func (d diagnosis) printPython(say func(string, ...any)) {
	if d.Python.Why != "" {
		say("python: %s", strings.TrimSpace(d.Python.At+" "+d.Python.Why))
		if d.Python.Cure != "" {
			say("  cure: %s", d.Python.Cure)
		}
		var ran, never []string
		for _, e := range d.Engines {
			if e.Status == bridge.NeverRun {
				never = append(never, e.Backend)
			} else {
				ran = append(ran, e.Backend+" ("+strings.TrimPrefix(e.Status, "run by the authors on ")+")")
			}
		}
		say("engines that the authors ran: %s; %s: %s", strings.Join(ran, ", "), bridge.NeverRun, strings.Join(never, ", "))
		return
	}
	say("python: %s, %s, %s", d.Python.At, d.Python.Program, d.Python.Device)
	for _, e := range d.Engines {
		say("engine %s: %s", e.Backend, e.state())
	}
}

// state is one line about a kernel.
func (k kernelState) state() string {
	switch {
	case k.Ready:
		return "ready, " + k.Status
	case k.Cure != "":
		return fmt.Sprintf("not here: %s; %s (%s)", k.Why, k.Cure, k.Status)
	}
	return fmt.Sprintf("not here: %s (%s)", k.Why, k.Status)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
