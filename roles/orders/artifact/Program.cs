// Copyright: the golden.fleet founders
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
using System;
using System.Net;
using System.Reflection;
using System.Threading;

namespace Orders
{
    // Orders.exe [--address ADDRESS] [--port PORT]: a Windows service where the service manager starts it, an ordinary
    // program otherwise. Without --address it listens where ORDERS_ADDRESS says, or WINLAB_ADDRESS, by which emulated Windows
    // hosts that share one machine tell their own; on all addresses where nothing is said.
    public static class Program
    {
        public static int Main(string[] arguments)
        {
            IPAddress address;
            int port;
            try
            {
                var said = Option(arguments, "--address") ?? Environment.GetEnvironmentVariable("ORDERS_ADDRESS")
                    ?? Environment.GetEnvironmentVariable("WINLAB_ADDRESS");
                address = string.IsNullOrEmpty(said) ? IPAddress.Any : IPAddress.Parse(said);
                port = int.Parse(Option(arguments, "--port") ?? "8004");
            }
            catch (FormatException error)
            {
                Console.Error.WriteLine("Orders: " + error.Message);
                return 2;
            }
            var web = new Web(address, port, new Api(Version));
            Action start = () => new Thread(web.Run) { IsBackground = true }.Start();
            bool windows = Environment.OSVersion.Platform == PlatformID.Win32NT;
            if (!windows || !WindowsService.Run("Orders", start, web.Stop)) web.Run();
            return 0;
        }

        private static string Version
        {
            get
            {
                var said = typeof(Program).Assembly.GetCustomAttributes(typeof(AssemblyInformationalVersionAttribute), false);
                return ((AssemblyInformationalVersionAttribute)said[0]).InformationalVersion;
            }
        }

        private static string Option(string[] arguments, string name)
        {
            int at = Array.IndexOf(arguments, name);
            return at >= 0 && at + 1 < arguments.Length ? arguments[at + 1] : null;
        }
    }
}
