// Copyright: the golden.fleet founders
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
using System;
using System.Runtime.InteropServices;
using System.Threading;

// A program as a Windows service, by the service manager's own protocol: the .NET Framework and .NET Core both have that
// much without further packages.
public static class WindowsService
{
    private const uint OwnProcess = 0x10, AcceptStop = 1, AcceptShutdown = 4;
    private const uint Stopped = 1, StartPending = 2, StopPending = 3, Running = 4;
    private const uint ControlStop = 1, ControlShutdown = 5;

    [StructLayout(LayoutKind.Sequential)]
    private struct Status
    {
        public uint Type, State, Accepted, ExitCode, SpecificExitCode, CheckPoint, WaitHint;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public IntPtr Name, Begin;
    }

    private delegate void Begin(uint count, IntPtr arguments);
    private delegate uint Handle(uint control, uint kind, IntPtr data, IntPtr context);

    [DllImport("advapi32.dll", SetLastError = true)]
    private static extern bool StartServiceCtrlDispatcherW([In] Entry[] table);

    [DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    private static extern IntPtr RegisterServiceCtrlHandlerExW(string name, Handle handle, IntPtr context);

    [DllImport("advapi32.dll", SetLastError = true)]
    private static extern bool SetServiceStatus(IntPtr service, ref Status status);

    private static readonly ManualResetEvent told = new ManualResetEvent(false);
    private static IntPtr service;

    // Returns when the service manager has stopped the service; false, at once, where none has started this process.
    public static bool Run(string name, Action start, Action stop)
    {
        Handle handle = (control, kind, data, context) => Obey(control);
        Begin begin = (count, arguments) =>
        {
            service = RegisterServiceCtrlHandlerExW(name, handle, IntPtr.Zero);
            Say(StartPending);
            start();
            Say(Running);
            told.WaitOne();
            stop();
            Say(Stopped);
        };
        var entry = new Entry { Name = Marshal.StringToHGlobalUni(name), Begin = Marshal.GetFunctionPointerForDelegate(begin) };
        bool ran = StartServiceCtrlDispatcherW(new[] { entry, new Entry() });
        GC.KeepAlive(handle);  // Windows calls both, and nothing else holds them
        GC.KeepAlive(begin);
        return ran;
    }

    private static uint Obey(uint control)
    {
        if (control != ControlStop && control != ControlShutdown) return 0;
        Say(StopPending);
        told.Set();
        return 0;
    }

    private static void Say(uint state)
    {
        var status = new Status { Type = OwnProcess, State = state, WaitHint = 10000 };
        if (state == Running) status.Accepted = AcceptStop | AcceptShutdown;
        SetServiceStatus(service, ref status);
    }
}
