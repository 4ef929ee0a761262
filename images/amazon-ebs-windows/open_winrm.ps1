# User data of the instance in which an image is made: WinRM over HTTPS, for the bake alone. seal.ps1 takes it all away.
$ErrorActionPreference = 'Stop'
$name = 'golden-fleet-bake'

Set-Service -Name WinRM -StartupType Automatic
Start-Service -Name WinRM
$certificate = New-SelfSignedCertificate -DnsName $name -CertStoreLocation 'Cert:\LocalMachine\My'
Get-ChildItem -Path 'WSMan:\localhost\Listener' | Remove-Item -Recurse -Force
New-Item -Path 'WSMan:\localhost\Listener' -Transport HTTPS -Address '*' -CertificateThumbPrint $certificate.Thumbprint -Force
Set-Item -Path 'WSMan:\localhost\Service\AllowUnencrypted' -Value $false
Set-Item -Path 'WSMan:\localhost\Service\Auth\Basic' -Value $false
New-NetFirewallRule -Name $name -DisplayName $name -Direction Inbound -Action Allow -Protocol TCP -LocalPort 5986
