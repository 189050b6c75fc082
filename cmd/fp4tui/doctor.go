package main

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/cpu"

	"fp4tui/cuda"
	"fp4tui/exec/gemm"
	"fp4tui/inspect"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "what this machine can run: CPU, GPUs, libraries, kernels and their known-answer tests",
		Args:  args(cobra.NoArgs),
		RunE:  func(*cobra.Command, []string) error { return a.doctor() },
	}
}

// doctor reports what can compute here. It fails only when a known-answer test does.
func (a *app) doctor() error {
	fmt.Fprintf(a.out, "fp4tui %s, %s, %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(a.out, "cpu: %d threads, %s\n", runtime.GOMAXPROCS(0), orNone(cpuFeatures()))
	err := gemm.SelfTest()
	fmt.Fprintln(a.out, "backend ref: runs everywhere, portable Go")
	if err == nil {
		fmt.Fprintln(a.out, "backend emu: known-answer test passed, portable Go")
	} else {
		fmt.Fprintf(a.out, "backend emu: known-answer test FAILED: %s\n", inspect.Printable(err.Error()))
	}
	a.gpu(cuda.Status())
	if err != nil {
		return exitCode(1)
	}
	return nil
}

func (a *app) gpu(s cuda.Report) {
	if s.Reason != "" {
		fmt.Fprintf(a.out, "backend cuda: not available: %s\n", inspect.Printable(s.Reason))
	}
	if s.Cure != "" {
		fmt.Fprintf(a.out, "  cure: %s\n", inspect.Printable(s.Cure))
	}
	if s.DriverFound {
		fmt.Fprintf(a.out, "driver: CUDA %s, %s\n", s.DriverVersion, inspect.Printable(s.DriverPath))
	}
	for _, d := range s.Devices {
		fmt.Fprintf(a.out, "device %d: %s, %s, %.1f GiB, %d multiprocessors\n", d.Index, inspect.Printable(d.Name), d.Arch(), float64(d.MemoryBytes)/(1<<30), d.Multiprocessors)
	}
	for _, l := range s.Libraries {
		fmt.Fprintf(a.out, "library: %s %s, %s\n", inspect.Printable(l.Name), l.Version, inspect.Printable(l.Path))
	}
	if s.Built {
		fmt.Fprintln(a.out, "kernels: none in this build; a gemm runs on ref or emu")
	}
}

// cpuFeatures names the vector extensions that matter here.
func cpuFeatures() string {
	rows := []struct {
		name string
		has  bool
	}{
		{"AVX2", cpu.X86.HasAVX2}, {"FMA", cpu.X86.HasFMA}, {"AVX-512", cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW},
		{"AVX512-VNNI", cpu.X86.HasAVX512VNNI}, {"NEON", cpu.ARM64.HasASIMD}, {"dot product", cpu.ARM64.HasASIMDDP},
	}
	var out []string
	for _, r := range rows {
		if r.has {
			out = append(out, r.name)
		}
	}
	return strings.Join(out, " ")
}

func orNone(s string) string {
	if s == "" {
		return "no vector extension detected"
	}
	return s
}
