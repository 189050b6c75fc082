//go:build cuda && cgo && linux

package cuda

import (
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// asVictim makes the test program an engine of its own that meets a fault, the way the
// variable says, and tells what it saw.
const (
	asVictim    = "FP4TUI_CUDA_TEST_VICTIM"
	victimCache = "FP4TUI_CUDA_TEST_CACHE"
	onDevice    = "FP4TUI_CUDA_TEST_DEVICE"
)

// saw is what a victim tells.
type saw struct {
	Device  string
	Kernels []Kernel
	First   toldError // of the fault
	Again   toldError // of a plain job after it
	Ready   toldError
}

// toldError is an error with its classes.
type toldError struct {
	Text, Hint           string
	Device, Memory, Lost bool
}

func tell(err error) toldError {
	if err == nil {
		return toldError{}
	}
	return toldError{err.Error(), cureOf(err), errors.Is(err, ErrDevice), errors.Is(err, ErrMemory), errors.Is(err, ErrLost)}
}

//go:embed testdata/faults.ptx
var faultsPTX string

// victim runs in a process of its own: after a fault that sticks it can do nothing more.
func victim(how string) int {
	device := 0
	fmt.Sscan(os.Getenv(onDevice), &device)
	e := NewEngine(Options{Device: device, Cache: os.Getenv(victimCache)})
	var s saw
	job := answerShapes([2]int{9, 0})[1].job(1)
	ctx := context.Background()
	switch kernel, isPTX := strings.CutPrefix(how, "ptx:"); {
	case isPTX:
		s.First = tell(e.misbehave(kernel))
	case how == "verify":
		s.Device, s.Kernels = e.About()
	case how == "address":
		s.First = tell(e.wild(ctx, &job))
	case how == "run":
		trust(e, "emu-fp4")
		_, err := e.Run(ctx, job, nil)
		s.First = tell(err)
	case how == "w4a16": // on sm_90 a kernel with much shared memory
		trust(e, how)
		shapes := answerShapes([2]int{9, 0})
		large := shapes[slices.IndexFunc(shapes, func(a answerShape) bool { return a.variant == "wide_64x128" })].job(1)
		_, err := e.Run(ctx, large, nil)
		s.First = tell(err)
	case how == "diff": // waits for the device without an event
		_, err := e.Diff([]float32{1}, []float32{2}, 1, 1)
		s.First = tell(err)
	case how == "run twice": // the first leaves its weight
		trust(e, "emu-fp4")
		_, err := e.Run(ctx, job, nil)
		s.First = tell(err)
		job = answerShapes([2]int{9, 0})[1].job(2)
	}
	trust(e, "emu-fp4")
	r, err := e.Run(ctx, job, nil)
	s.Again, s.Ready = tell(err), tell(e.Ready())
	if r.Device != "" {
		s.Device = r.Device
	}
	if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
		return 1
	}
	return 0
}

// trust takes a kernel for verified where nothing is known of it.
func trust(e *Engine, name string) {
	if e.Ready() != nil {
		return
	}
	e.do(func() {
		if _, known := e.verdict[name]; !known {
			e.verdict[name] = Kernel{Name: name, Ready: true, Status: StatusVerified}
		}
	})
}

// wild launches a kernel of this build with a null pointer for its arguments.
func (e *Engine) wild(ctx context.Context, job *layer.Job) (err error) {
	if err := e.Ready(); err != nil {
		return err
	}
	e.do(func() {
		p := &product{state: e.state, scope: scope{memory: &e.state.memory}, job: job, k: paddedK(job)}
		defer p.scope.close()
		if err = plans["emu-fp4"].start(p, ""); err == nil {
			_, err = p.bands(ctx, "emu-fp4", nil)
		}
		e.settle(err)
	})
	return err
}

// misbehave runs a kernel of faults.ptx.
func (e *Engine) misbehave(kernel string) error {
	return e.on(func(s *scope) error {
		out, err := s.output(64)
		if err != nil {
			return err
		}
		at := out.at()
		fmt.Fprintln(os.Stderr, "launching", kernel)
		return e.launch(faultsPTX, kernel, 1, 1, 1, pointers(&at), out)
	})
}

// suffer starts a victim and returns what it saw.
func suffer(t *testing.T, how string, env ...string) saw {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Env = append(append(os.Environ(), asVictim+"="+how), env...)
	out, err := cmd.Output()
	var s saw
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil {
		t.Fatalf("%s: %v in %q", how, err, out)
	}
	return s
}

// fakeDriver compiles testdata/fake_driver.c and returns the environment in which a process
// finds it, with one GPU of compute capability 9.0.
func fakeDriver(t *testing.T) []string {
	t.Helper()
	compiler, err := exec.LookPath("cc")
	if err != nil {
		if os.Getenv("FP4TUI_REQUIRE_CUDA") == "1" {
			t.Fatal("no C compiler for testdata/fake_driver.c: ", err)
		}
		t.Skip("no C compiler for testdata/fake_driver.c: ", err)
	}
	dir := t.TempDir()
	if out, err := exec.Command(compiler, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", filepath.Join(dir, "libcuda.so.1"), "testdata/fake_driver.c").CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	return []string{"LD_LIBRARY_PATH=" + dir, "FAKE_COUNT=1", "FAKE_CC=90"}
}

// with is an environment and more.
func with(env []string, more ...string) []string { return slices.Concat(env, more) }

// TestFaultsOfEveryCall makes each call of a job fail, with an error that the driver does not
// recover from and with one that it does.
func TestFaultsOfEveryCall(t *testing.T) {
	fake := append(fakeDriver(t), "FAKE_ZERO=1")
	const (
		opens = iota // fails where the engine opens: it stays closed
		works
		waits // fails only where the device is lost
	)
	for _, test := range []struct {
		call, how string
		nth       int // the first that is not of the list of devices
		when      int
	}{
		{"cuDeviceGet", "run", 2, opens}, {"cuDeviceGetAttribute", "run", 4, opens}, {"cuDevicePrimaryCtxSetFlags", "run", 1, opens},
		{"cuDevicePrimaryCtxRetain", "run", 1, opens}, {"cuCtxSetCurrent", "run", 1, opens}, {"cuEventCreate", "run", 1, opens},
		{"cuMemGetInfo", "run", 1, works}, {"cuMemAlloc", "run", 1, works}, {"cuMemcpyHtoD", "run", 1, works}, {"cuMemsetD8", "run", 1, works},
		{"cuModuleLoadData", "run", 1, works}, {"cuModuleGetFunction", "run", 1, works}, {"cuFuncSetAttribute", "w4a16", 1, works},
		{"cuLaunchKernel", "run", 1, works}, {"cuMemcpyDtoH", "run", 1, works},
		{"cuEventRecord", "run", 1, waits}, {"cuEventSynchronize", "run", 1, waits}, {"cuEventElapsedTime", "run", 1, waits},
		{"cuCtxSynchronize", "diff", 1, waits},
	} {
		t.Run(test.call, func(t *testing.T) {
			fail := fmt.Sprintf("FAKE_FAIL=%s:%d:", test.call, test.nth)
			s := suffer(t, test.how, with(fake, fail+"700")...)
			if !strings.Contains(s.First.Text, test.call+":") && !strings.Contains(s.First.Text, test.call+" ") || !strings.Contains(s.First.Text, "IllegalAddress (CUDA error 700)") || !strings.Contains(s.First.Hint, "report this") {
				t.Errorf("%+v", s.First)
			}
			if !s.First.Lost || s.Again != s.First || s.Ready != s.First {
				t.Errorf("it goes on: %+v, %+v", s.Again, s.Ready)
			}
			s = suffer(t, test.how, with(fake, fail+"304")...)
			if !strings.Contains(s.First.Text, test.call) || !strings.Contains(s.First.Text, "OperatingSystem (CUDA error 304)") || !strings.Contains(s.First.Hint, "/dev/nvidia") {
				t.Errorf("%+v", s.First)
			}
			if s.First.Lost != (test.when == waits) || (s.Again.Text == "") != (test.when == works) {
				t.Errorf("first %+v, then %+v", s.First, s.Again)
			}
		})
	}
}

// TestFakeSticks holds the errors that the fake driver doesn't recover from to the table:
// after another error it goes on, as a real one does.
func TestFakeSticks(t *testing.T) {
	source, err := os.ReadFile("testdata/fake_driver.c")
	if err != nil {
		t.Fatal(err)
	}
	_, list, found := strings.Cut(string(source), "sticky[] = {")
	list, _, closed := strings.Cut(list, "};")
	if !found || !closed {
		t.Fatal("testdata/fake_driver.c has no list sticky")
	}
	var have, want []int
	for _, text := range strings.Split(list, ",") {
		code, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			t.Fatal(err)
		}
		have = append(have, code)
	}
	for code, row := range driverCodes {
		if row.effect != refuses {
			want = append(want, code)
		}
	}
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("fake_driver.c has %v, faults.go %v", have, want)
	}
}

// TestFaults injects what a driver can say where it says it.
func TestFaults(t *testing.T) {
	fake := fakeDriver(t)
	zero := with(fake, "FAKE_ZERO=1")
	tests := []struct {
		name, how string
		env       []string
		first     []string // in the message
		cure      string
		again     string // of the next job; "" is that it works
	}{
		{"illegal address", "address", zero, []string{"cuEvent", "after emu-fp4", "IllegalAddress (CUDA error 700)"}, "report this", "IllegalAddress"},
		{"memory error", "run", with(zero, "FAKE_FAIL=cuEventSynchronize:1:214"), []string{"cuEventSynchronize after emu-fp4", "EccUncorrectable (CUDA error 214)"}, "nvidia-smi -q -d ECC", "EccUncorrectable"},
		{"watchdog", "run", with(zero, "FAKE_FAIL=cuEventSynchronize:1:702"), []string{"LaunchTimeout (CUDA error 702)"}, "fewer rows", "LaunchTimeout"},
		{"an error of tomorrow", "run", with(zero, "FAKE_FAIL=cuEventSynchronize:1:4242"), []string{"UnknownErrorCode:4242 (CUDA error 4242)"}, "Xid", "4242"},
		{"no memory", "run", with(zero, "FAKE_FAIL=cuMemAlloc:2:2"), []string{"cuMemAlloc of", "OutOfMemory (CUDA error 2)"}, "nvidia-smi", ""},
		{"little memory", "run", with(zero, "FAKE_FREE=200"), []string{"MiB more on the GPU", "200.0 MiB are free"}, "fewer rows", "MiB are free"},
		{"room by an older weight", "run twice", with(zero, "FAKE_FAIL=cuMemAlloc:11:2"), nil, "", ""},
		{"no binary", "run", with(zero, "FAKE_FAIL=cuModuleLoadData:1:209"), []string{"cuModuleLoadData", "NoBinaryForGpu (CUDA error 209)"}, "make kernels", ""},
		{"PTX of tomorrow", "run", with(zero, "FAKE_FAIL=cuModuleLoadData:1:222"), []string{"cuModuleLoadData", "UnsupportedPtxVersion (CUDA error 222)"}, "update the driver", ""},
		{"GPU taken", "run", with(zero, "FAKE_FAIL=cuDevicePrimaryCtxRetain:1:46"), []string{"cuDevicePrimaryCtxRetain", "DeviceUnavailable (CUDA error 46)"}, "compute mode", "DeviceUnavailable"},
		{"nothing written", "run", fake, []string{"emu-fp4 did not write y[0,0]"}, "report this", "did not write"},
		{"written outside", "run", with(fake, "FAKE_WILD=1", "FAKE_ZERO=1"), []string{"emu-fp4 wrote outside its output", "guard byte 255 of 512 is 0x00"}, "report this", "wrote outside"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := suffer(t, test.how, test.env...)
			for _, want := range test.first {
				if !strings.Contains(s.First.Text, want) {
					t.Errorf("%q lacks %q", s.First.Text, want)
				}
			}
			if !strings.Contains(s.First.Hint, test.cure) || (test.first == nil) != (s.First.Text == "") {
				t.Errorf("%+v", s.First)
			}
			if !strings.Contains(s.Again.Text, test.again) || (test.again == "") != (s.Again.Text == "") {
				t.Errorf("then %+v", s.Again)
			}
			if memory := strings.Contains(test.name, "memory") && test.name != "memory error"; s.First.Memory != memory {
				t.Errorf("class: %+v", s.First)
			}
		})
	}
}

// answersAsBytes are what emu-fp4 must write for its known answers, one after the other.
func answersAsBytes(t *testing.T, cc [2]int) []byte {
	t.Helper()
	words, err := expected(cc)
	if err != nil {
		t.Fatal(err)
	}
	halves := map[uint32]uint16{}
	for h := range 1 << 16 {
		halves[math.Float32bits(halfFloat(uint16(h)))] = uint16(h)
	}
	var b []byte
	for i, a := range Answers(cc) {
		for _, w := range words[i] {
			switch bits := math.Float32bits(w); {
			case a.Kernel != "emu-fp4":
			case a.Job.Out == inspect.F32:
				b = binary.LittleEndian.AppendUint32(b, bits)
			case a.Job.Out == inspect.BF16:
				b = binary.LittleEndian.AppendUint16(b, uint16(bits>>16))
			default:
				b = binary.LittleEndian.AppendUint16(b, halves[bits])
			}
		}
	}
	return b
}

// TestVerdictsLast follows kernels through verification on a driver whose emu-fp4 is right,
// or wrong in one bit, and what the next process makes of it.
func TestVerdictsLast(t *testing.T) {
	fake := fakeDriver(t)
	dir := t.TempDir()
	right := answersAsBytes(t, [2]int{9, 0})
	wrong := slices.Clone(right)
	wrong[4*5] ^= 1
	writeFile(t, filepath.Join(dir, "right"), string(right))
	writeFile(t, filepath.Join(dir, "wrong"), string(wrong))
	verify := func(cache, words string, env ...string) saw {
		t.Helper()
		return suffer(t, "verify", with(with(fake, victimCache+"="+filepath.Join(dir, cache), "FAKE_WORDS="+filepath.Join(dir, words)), env...)...)
	}
	s := verify("a", "right")
	if k := s.Kernels[0]; !k.Ready || k.Status != StatusVerified || k.Why != "" {
		t.Errorf("right words: %+v", k)
	}
	for _, k := range s.Kernels[1:3] { // the fake computes nothing for them
		if k.Ready || k.Status != StatusFailed || !strings.Contains(k.Why, "known answers: "+k.Name+" did not write y[0,0]") || k.Cure == "" {
			t.Errorf("nothing written: %+v", k)
		}
	}
	if s = verify("a", "wrong"); !s.Kernels[0].Ready {
		t.Errorf("a verified kernel is asked again: %+v", s.Kernels[0])
	}
	s = verify("b", "wrong")
	if k := s.Kernels[0]; k.Ready || k.Status != StatusFailed || !strings.Contains(k.Why, "y[0,5] is") || !strings.Contains(k.Cure, "backend=emu") {
		t.Errorf("a wrong word: %+v", k)
	}
	if !strings.Contains(s.Again.Text, "emu-fp4 is not run on Fake GPU 40 sm_90: known answers") {
		t.Errorf("a job after it: %+v", s.Again)
	}
	if s = verify("b", "right"); !s.Kernels[0].Ready {
		t.Errorf("a wrong word is remembered: %+v", s.Kernels[0])
	}

	s = verify("c", "right", "FAKE_FAIL=cuEventSynchronize:1:700")
	if !s.Ready.Lost || !strings.Contains(s.Ready.Text, "cuEventSynchronize after emu-fp4: IllegalAddress") || s.Kernels[1].Ready || s.Kernels[1].Status != StatusUnknown {
		t.Errorf("a kernel that takes the device away: %+v, %+v", s.Ready, s.Kernels)
	}
	s = verify("c", "right")
	if k := s.Kernels[0]; k.Ready || k.Status != StatusFailed || !strings.Contains(k.Why, "IllegalAddress") || !strings.Contains(k.Cure, "cuda-verified.json") {
		t.Errorf("it is tried again: %+v", k)
	}
	if k := s.Kernels[1]; k.Status != StatusFailed || s.Ready.Text != "" {
		t.Errorf("the others are not tried: %+v, %+v", k, s.Ready)
	}
	verify("d", "right", "FAKE_FAIL=cuEventSynchronize:1:214")
	if s = verify("d", "right"); !s.Kernels[0].Ready {
		t.Errorf("a memory error is blamed on the kernel: %+v", s.Kernels[0])
	}
	if s = verify("e", "right", "FAKE_FREE=100"); !s.Kernels[0].Ready || !strings.Contains(s.Kernels[0].Status, "not verified yet: ") || !s.Again.Memory {
		t.Errorf("without memory: %+v, %+v", s.Kernels[0], s.Again)
	}
}

// TestChosenDevice: of several GPUs the one asked for, or the first that has kernels.
func TestChosenDevice(t *testing.T) {
	two := append(fakeDriver(t), "FAKE_ZERO=1", "FAKE_COUNT=2")
	for device, want := range map[string]string{"0": "Fake GPU 40 sm_90 (device 0 of 2)", "1": "Fake GPU 41 sm_90 (device 1 of 2)", "-1": "Fake GPU 40 sm_90 (device 0 of 2)"} {
		if s := suffer(t, "run", with(two, onDevice+"="+device)...); s.Device != want || s.First.Text != "" {
			t.Errorf("device %s: %q, %+v", device, s.Device, s.First)
		}
	}
	s := suffer(t, "run", with(two, onDevice+"=2")...)
	if s.First.Text != "no device 2: there is device 0, Fake GPU 40 (sm_90); device 1, Fake GPU 41 (sm_90)" || !strings.Contains(s.First.Hint, "--device local:N") {
		t.Errorf("%+v", s.First)
	}
	if s := suffer(t, "run", with(two, "FAKE_LOST=1", onDevice+"=-1")...); s.Device != "Fake GPU 41 sm_90" {
		t.Errorf("one of two lost: %q, %+v", s.Device, s.First)
	}
}
