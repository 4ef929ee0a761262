// Copyright: the golden.fleet founders
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
using System;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

// Speaks to the service manager for the engine: a line of tab-separated words in, a line out, until there is no more to read.
//   set NAME COMMAND    ok              installs the service, or changes the command of the one that is there
//   start NAME          ok
//   stop NAME           ok
//   query NAME          ok STATE PROCESS
//   remove NAME         ok
// or: error NUMBER TEXT, as Windows has them. While this runs Wine doesn't end.
public static class Manager
{
    private const uint AllAccess = 0xF003F, ServiceAllAccess = 0xF01FF;
    private const uint OwnProcess = 0x10, OnDemand = 3, NormalErrors = 1, NoChange = 0xFFFFFFFF;
    private const uint ControlStop = 1;
    private const uint Stopped = 1;
    private const int DoesNotExist = 1060;

    [StructLayout(LayoutKind.Sequential)]
    private struct Status
    {
        public uint Type, State, Accepted, ExitCode, SpecificExitCode, CheckPoint, WaitHint, Process, Flags;
    }

    [DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    private static extern IntPtr OpenSCManagerW(string machine, string database, uint access);

    [DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    private static extern IntPtr OpenServiceW(IntPtr manager, string name, uint access);

    [DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    private static extern IntPtr CreateServiceW(
        IntPtr manager, string name, string shown, uint access, uint type, uint start, uint errors, string command,
        string group, IntPtr tag, string dependencies, string account, string password);

    [DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    private static extern bool ChangeServiceConfigW(
        IntPtr service, uint type, uint start, uint errors, string command,
        string group, IntPtr tag, string dependencies, string account, string password, string shown);

    [DllImport("advapi32.dll", SetLastError = true)]
    private static extern bool StartServiceW(IntPtr service, uint count, IntPtr arguments);

    [DllImport("advapi32.dll", SetLastError = true)]
    private static extern bool ControlService(IntPtr service, uint control, ref Status status);

    [DllImport("advapi32.dll", SetLastError = true)]
    private static extern bool QueryServiceStatusEx(IntPtr service, int level, ref Status status, int size, out int needed);

    [DllImport("advapi32.dll", SetLastError = true)]
    private static extern bool DeleteService(IntPtr service);

    [DllImport("advapi32.dll")]
    private static extern bool CloseServiceHandle(IntPtr handle);

    public static void Main()
    {
        var manager = OpenSCManagerW(null, null, AllAccess);
        for (var line = Console.ReadLine(); line != null; line = Console.ReadLine())
        {
            try
            {
                Console.WriteLine(("ok " + Do(manager, line.Split('\t'))).Trim());
            }
            catch (Win32Exception error)
            {
                Console.WriteLine("error " + error.NativeErrorCode + " " + error.Message);
            }
        }
    }

    private static string Do(IntPtr manager, string[] words)
    {
        var service = OpenServiceW(manager, words[1], ServiceAllAccess);
        if (service == IntPtr.Zero && words[0] == "set" && Marshal.GetLastWin32Error() == DoesNotExist)
            service = CreateServiceW(
                manager, words[1], words[1], ServiceAllAccess, OwnProcess, OnDemand, NormalErrors, words[2],
                null, IntPtr.Zero, null, null, null);
        Must(service != IntPtr.Zero);
        try
        {
            return Do(service, words[0], words.Length > 2 ? words[2] : null);
        }
        finally
        {
            CloseServiceHandle(service);
        }
    }

    private static string Do(IntPtr service, string what, string command)
    {
        var status = new Status();
        switch (what)
        {
            case "set":
                Must(ChangeServiceConfigW(
                    service, NoChange, NoChange, NoChange, command, null, IntPtr.Zero, null, null, null, null));
                return "";
            case "start":
                Must(StartServiceW(service, 0, IntPtr.Zero));
                return "";
            case "stop":
                Must(ControlService(service, ControlStop, ref status));
                return "";
            case "remove":
                Must(DeleteService(service));
                return "";
            default:
                int needed;
                Must(QueryServiceStatusEx(service, 0, ref status, Marshal.SizeOf(typeof(Status)), out needed));
                return (Runs(status.Process) ? status.State : Stopped) + " " + status.Process;
        }
    }

    // Wine's service manager does not notice that a process has died.
    private static bool Runs(uint process)
    {
        try
        {
            return process != 0 && !Process.GetProcessById((int)process).HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static void Must(bool done)
    {
        if (!done) throw new Win32Exception(Marshal.GetLastWin32Error());
    }
}
