//go:build cuda && cgo && linux

package cuda

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"fp4tui/inspect/layer"
)

// TestPlans holds the table of kernels and the plans to launch them together.
func TestPlans(t *testing.T) {
	for _, k := range kernelSpecs {
		if plans[k.name].start == nil {
			t.Errorf("%s has no plan", k.name)
		}
	}
	if len(plans) != len(kernelSpecs) {
		t.Errorf("%d plans for %d kernels", len(plans), len(kernelSpecs))
	}
}

// TestImages holds the table of images to what lies in the folder, and the fingerprint of a
// verdict to each image.
func TestImages(t *testing.T) {
	files, err := filepath.Glob("kernels/*.fatbin")
	if err != nil || len(files) != len(images) {
		t.Fatalf("%d images in the table, %v in the folder (%v)", len(images), files, err)
	}
	e := &Engine{}
	before := e.fingerprint()
	for i, image := range images {
		b, err := os.ReadFile(filepath.Join("kernels", image.file))
		if err != nil || string(b) != image.bytes {
			t.Errorf("%s is not what is embedded under its name (%v)", image.file, err)
		}
		images[i].bytes += "\x00"
		if e.fingerprint() == before {
			t.Errorf("the fingerprint does not see %s", image.file)
		}
		images[i] = image
	}
	if e.fingerprint() != before {
		t.Error("a fingerprint does not stay the same")
	}
}

// TestAnotherDriver: a verdict holds for one driver, also where its file does not bear the release,
// as in WSL.
func TestAnotherDriver(t *testing.T) {
	real := driver
	t.Cleanup(func() { driver = real })
	prints := map[string]string{}
	for _, d := range []Report{{DriverPath: "/usr/lib/wsl/lib/libcuda.so.1.1", DriverVersion: "12.8"}, {DriverPath: "/usr/lib/wsl/lib/libcuda.so.1.1", DriverVersion: "13.0"},
		{DriverPath: "/usr/lib/libcuda.so.580.1", DriverVersion: "13.0"}} {
		driver = func() Report { return d }
		print := (&Engine{}).fingerprint()
		if other, known := prints[print]; known {
			t.Errorf("%s of CUDA %s is taken for %s", d.DriverPath, d.DriverVersion, other)
		}
		prints[print] = d.DriverPath + " of CUDA " + d.DriverVersion
	}
}

// TestBandsFitAGrid: the lowest blocks of any plan are of 16 rows, and a grid has 65,535 of them
// below each other at most, however little there is to multiply.
func TestBandsFitAGrid(t *testing.T) {
	for _, size := range [][2]int{{1, 64}, {16, 1 << 12}, {1 << 14, 1 << 14}} {
		p := product{job: &layer.Job{N: size[0]}, k: size[1], most: maxLaunch}
		if rows := p.band(); rows%128 != 0 || rows <= 0 || (rows+15)/16 > 65535 {
			t.Errorf("N %d, K %d: a launch of %d rows", size[0], size[1], rows)
		}
	}
}

// TestTwoDevicesRemember: what is known of a kernel on one device, of two that are equal, outlives what is found out on
// another, also that it took its device away; a broken file holds nothing.
func TestTwoDevicesRemember(t *testing.T) {
	cache := t.TempDir()
	a := &Engine{options: Options{Cache: cache}, device: Device{Name: "A", UUID: "GPU-1"}}
	b := &Engine{options: Options{Cache: cache}, device: Device{Name: "A", UUID: "GPU-2"}}
	one, other := &kernelSpecs[0], &kernelSpecs[1]
	for _, broken := range []string{"[", "null", `{"x": 1}`} {
		if err := os.WriteFile(a.cached(), []byte(broken), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := a.remembered(); len(got) != 0 {
			t.Errorf("%s holds %v", broken, got)
		}
		a.remember(one, "known answers: it took the device away")
		b.remember(one, StatusVerified)
		a.remember(other, StatusVerified)
		for e, want := range map[*Engine]map[string]string{
			a: {one.name: "known answers: it took the device away", other.name: StatusVerified}, b: {one.name: StatusVerified},
		} {
			if got := e.remembered(); !maps.Equal(got, want) {
				t.Errorf("%s: %v, want %v", e.device.UUID, got, want)
			}
		}
	}
}

// TestForeignKernels: doctor says of a kernel that is not for a device what became of it elsewhere.
func TestForeignKernels(t *testing.T) {
	e := &Engine{device: Device{ComputeCapability: [2]int{9, 0}}, verdict: map[string]Kernel{}}
	want := map[string]string{
		"native-sm120": "not for this device; assembled, never run by its authors",
		"native-sm100": "not for this device; never run by its authors",
	}
	for i := range kernelSpecs {
		k := &kernelSpecs[i]
		if k.runs(e.device.ComputeCapability) == "" {
			continue
		}
		got, _ := e.verify(context.Background(), k)
		if got.Status != want[k.name] || got.Ready || got.Why == "" {
			t.Errorf("%s: %+v, want the status %q", k.name, got, want[k.name])
		}
		delete(want, k.name)
	}
	if len(want) != 0 {
		t.Errorf("these run on sm_90: %v", want)
	}
}

// TestBlackwell holds native-sm100 to the devices that cuBLASLt documents FP4 for.
func TestBlackwell(t *testing.T) {
	for cc, runs := range map[[2]int]bool{{8, 9}: false, {9, 0}: false, {10, 0}: true, {10, 3}: true, {11, 0}: true, {12, 0}: true, {12, 1}: true} {
		if got := sinceBlackwell(cc) == ""; got != runs {
			t.Errorf("%v: %v, want %v", cc, got, runs)
		}
	}
}

// TestShare: with the indices that a block of stream makes of its share, every tile of y has one
// block, no turn has more tiles than there is room for, and there are no more turns than that takes.
func TestShare(t *testing.T) {
	for _, s := range shapes {
		if s.family != "stream" {
			continue
		}
		for tiles := range 3000 {
			if tiles == 0 {
				continue // no outputs: nothing is launched
			}
			for _, multiprocessors := range []int{1, 7, 132} {
				blocks := min(multiprocessors, tiles)
				each, extra, most := share(tiles, blocks, s.atOnce())
				end := int64(0)
				for block := range int64(blocks) {
					first := block*each + min(block, extra)
					if first != end {
						t.Fatalf("%s: block %d of %d begins at tile %d of %d, the one before ends at %d", s.name(), block, blocks, first, tiles, end)
					}
					if end = first + each; block < extra {
						end++
					}
				}
				longest, room := int64(tiles+blocks-1)/int64(blocks), int64(s.atOnce())
				if turns := (longest + most - 1) / most; turns != (longest+room-1)/room {
					t.Fatalf("%s: %d turns of %d for %d tiles", s.name(), turns, most, longest)
				}
				if end != int64(tiles) || most < 1 || most > room {
					t.Fatalf("%s: %d of %d tiles in %d blocks, %d at a time", s.name(), end, tiles, blocks, most)
				}
			}
		}
	}
}
