# The last that is done to the instance, by the system itself once Packer has left: WinRM is closed again, and what is this
# one host's alone is taken away by sysprep, which then shuts it down. Where anything fails it stays up, and no image is made.
$ErrorActionPreference = 'Stop'
$name = 'golden-fleet-bake'

Unregister-ScheduledTask -TaskName $name -Confirm:$false
Get-ChildItem -Path 'WSMan:\localhost\Listener' | Remove-Item -Recurse -Force
foreach ($certificate in Get-ChildItem -Path 'Cert:\LocalMachine\My') {
    if ($certificate.Subject -eq "CN=$name") { Remove-Item -Path $certificate.PSPath -DeleteKey }
}
Remove-NetFirewallRule -Name $name
Remove-Item -LiteralPath $PSCommandPath

$launch = Join-Path -Path $env:ProgramFiles -ChildPath 'Amazon\EC2Launch\EC2Launch.exe'
& $launch reset --clean --block
if ($LASTEXITCODE -ne 0) { throw "EC2Launch reset ended with $LASTEXITCODE" }
& $launch sysprep --clean --shutdown --block
